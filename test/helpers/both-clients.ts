/**
 * Loads the clients of both chats, as a bot with both tokens does, and makes Discord's client send a picture to a local server.
 * Prints whether the server received a form with the picture. It runs in its own process, since the order of loading matters.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommandRegistry } from '../../commands/registry.ts';
import { createLogger } from '../../src/base/log.ts';
import { createPlatforms } from '../../src/chat/platforms.ts';
import { loadConfig } from '../../src/config.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { fakePhotoReader } from '../fakes/photo.ts';
import { fakeRules } from '../fakes/rules.ts';

const environment = {
  DISCORD_TOKEN: 'MTAwMA.fake-token.which-must-stay-secret',
  SLACK_BOT_TOKEN: 'xoxb-1-bot',
  SLACK_APP_TOKEN: 'xapp-1-app',
};
const platforms = await createPlatforms({
  config: loadConfig({ environment, directory: import.meta.dirname }),
  log: createLogger({ level: 'silent' }),
  commands: new CommandRegistry([]),
  settings: fakeRules().settings,
  photos: { readPhoto: fakePhotoReader(), queue: new FairQueue({ concurrency: 1, maxWaiting: 1 }), maxBytes: 1000 },
  dispatch: async () => {},
});
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const type = request.headers['content-type']?.split(';')[0];
  const came = { type, holdsPicture: Buffer.concat(chunks).includes('PICTURE') };
  process.stdout.write(JSON.stringify({ platforms: platforms.map(({ name }) => name), ...came }));
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { REST } = await import('discord.js');
const rest = new REST({ api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, retries: 0 });
await rest.setToken(environment.DISCORD_TOKEN).post('/channels/1/messages', {
  body: { content: 'One person' },
  files: [{ name: 'a.png', data: Buffer.from('PICTURE') }],
});
process.exit(0);
