/** The whole bot as a process of its own that can be killed: `bot-on-fakes.ts SETTINGS`, as JSON. Prints a line once it has connected. */
import { createLogger } from '../../src/base/log.ts';
import { startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { fakePhotoReader } from '../fakes/photo.ts';

/** What the process is given: where the fakes are, its settings, and how long reading a photo takes, in milliseconds. */
export type BotOnFakes = Required<NonNullable<Parameters<typeof loadConfig>[0]>> & { readonly milliseconds: number };

const settings = process.argv[2];
if (settings !== undefined) {
  const { milliseconds, ...options } = JSON.parse(settings) as BotOnFakes;
  const config = loadConfig(options);
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  const bot = await startBot(config, log, fakePhotoReader(milliseconds));
  process.once('SIGTERM', () => void bot.stop().then(() => process.exit(0)));
  process.stdout.write('connected\n');
}
