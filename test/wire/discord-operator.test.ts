import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Command } from '../../commands/command.ts';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import type { Posted, Reply } from '../../commands/request.ts';
import { createLogger } from '../../src/base/log.ts';
import { DiscordPlatform } from '../../src/chat/discord/discord.ts';
import { loadConfig } from '../../src/config.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { user } from '../fakes/discord/payloads.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { fakeRules } from '../fakes/rules.ts';
import { until } from '../helpers/until.ts';
import { answers } from './discord-bot.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A command of each kind of access, as a training and its settings would be. */
function commands(): { readonly registry: CommandRegistry; readonly posted: Posted[]; readonly seen: unknown[] } {
  const posted: Posted[] = [];
  const seen: unknown[] = [];
  const train: Command = {
    name: 'train',
    description: 'Trains',
    access: 'operator',
    options: [
      { name: 'action', type: 'choice', choices: ['start', 'stop'], description: 'What to do' },
      { name: 'epochs', type: 'integer', min: 1, max: 50, description: 'How long' },
      { name: 'rate', type: 'number', min: 0, max: 1, description: 'How fast' },
      { name: 'quick', type: 'switch', description: 'Less careful' },
      { name: 'data', type: 'text', maxLength: 20, description: 'From what' },
    ],
    async run(request, options) {
      seen.push(options);
      await request.progress('preparing');
      await request.progress('1 of 2');
      posted.push(await request.reply({ text: 'started' }));
      posted.push(await request.channel.post({ text: 'epoch 1' }));
    },
  };
  const set: Command = {
    name: 'set',
    description: 'Sets',
    access: 'admin',
    options: [],
    run: async (request) => void (await request.reply({ text: 'set' })),
  };
  return { registry: new CommandRegistry([train, set]), posted, seen };
}

interface StartOptions {
  readonly guilds?: 1 | 2;
  readonly operatorGuilds?: (discord: FakeDiscord) => string;
}

async function start(options: StartOptions = {}) {
  const prepared = await prepare(options);
  await prepared.platform.start();
  return prepared;
}

async function prepare(options: StartOptions = {}) {
  const discord = await FakeDiscord.start();
  ends.push(() => discord.close());
  const other = options.guilds === 2 ? discord.addGuild('Strangers') : undefined;
  const elsewhere = other && discord.addChannel('elsewhere', { guildId: other.id });
  const environment = { DISCORD_TOKEN: discord.token, OPERATOR_GUILDS: options.operatorGuilds?.(discord) ?? '' };
  const internal = { discordApi: `${discord.origin}/api`, fileOrigins: [discord.origin] };
  const config = loadConfig({ environment, directory: import.meta.dirname, internal });
  const log = createLogger({ level: 'silent' });
  const { registry, posted, seen } = commands();
  const dispatcher = new Dispatcher(registry, log);
  const platform = new DiscordPlatform({
    config,
    log,
    settings: fakeRules().settings,
    photos: { readPhoto: fakePhotoReader(), queue: new FairQueue({ concurrency: 1, maxWaiting: 1 }), maxBytes: 1 },
    commands: registry,
    dispatch: (request) => dispatcher.dispatch(request),
  });
  ends.push(() => platform.stop(AbortSignal.timeout(1000)));
  return { discord, platform, posted, seen, elsewhere: elsewhere! };
}

const ADMIN = { permissions: ['ManageGuild'] } as const;

describe('a command for the operator’s admins', () => {
  test('runs for an admin of the only server that the bot is in, with checked options', async () => {
    const { discord, seen } = await start();
    const input = { action: 'start', epochs: 3, rate: 0.5, quick: true, data: 'set-a' };
    discord.command('train', { ...ADMIN, input });
    const said = await answers(discord, 2);
    expect(said.map(({ content }) => content)).toEqual(['started', 'epoch 1']);
    expect(seen).toEqual([input]);
  });

  test('refuses who is not an admin, whatever Discord’s own settings show them', async () => {
    const { discord, seen } = await start();
    discord.command('train', { permissions: ['ManageMessages'] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('is for admins');
    expect(discord.isPrivate(answer!)).toBe(true);
    expect(seen).toEqual([]);
  });

  test('refuses an admin once the bot is in two servers and none is named', async () => {
    const { discord, seen, elsewhere } = await start({ guilds: 2 });
    discord.command('train', ADMIN);
    await answers(discord, 1);
    discord.command('train', { ...ADMIN, channel: elsewhere });
    await answers(discord, 1, elsewhere);
    expect(seen).toEqual([]);
  });

  test('runs in the server that is named, and not in another', async () => {
    const { discord, seen, elsewhere } = await start({ guilds: 2, operatorGuilds: ({ guild }) => guild.id });
    discord.command('train', { ...ADMIN, channel: elsewhere });
    const [refusal] = await answers(discord, 1, elsewhere);
    expect(refusal!.content).toContain('is for admins');
    expect(seen).toEqual([]);
    discord.command('train', ADMIN);
    await answers(discord, 2);
    expect(seen).toHaveLength(1);
  });

  test('never runs in a direct message', async () => {
    const { discord, seen } = await start({ operatorGuilds: ({ guild }) => guild.id });
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    discord.command('train', { by: ann, channel });
    const [refusal] = await answers(discord, 1, channel);
    expect(refusal!.content).toContain('is for admins');
    expect(seen).toEqual([]);
  });
});

test('a command for admins runs for those who may manage the server, and for nobody else', async () => {
  const { discord } = await start({ guilds: 2 });
  discord.command('set');
  const [refusal] = await answers(discord, 1);
  expect(refusal!.content).toContain('Only an admin');
  discord.command('set', ADMIN);
  const [, done] = await answers(discord, 2);
  expect(done!.content).toBe('set');
});

describe('what is said after the answer', () => {
  test('progress is shown until the answer comes', async () => {
    const { discord } = await start();
    discord.command('train', ADMIN);
    const [answer] = await answers(discord, 2);
    // Put off, then edited to say how far it is, then edited to the answer.
    expect(discord.callsTo('PATCH', /@original/).map(({ json }) => json.content)).toEqual(['1 of 2', 'started']);
    expect(answer!.content).toBe('started');
  });

  test('an answer can be changed and removed, while its token lasts and after', async () => {
    const { discord, posted } = await start();
    const command = discord.command('train', ADMIN);
    await until(() => posted.length === 2, 'the answers');
    const content = (k: number) => discord.messages.get(posted[k]!.id)?.content;
    const chart = { bytes: await plainPicture(64, 48), mime: 'image/png', name: 'chart.png', altText: 'a chart' };
    expect(await posted[0]!.update({ text: 'half', pictures: [chart, chart] })).toBe(true);
    expect(content(0)).toBe('half');
    expect(discord.messages.get(posted[0]!.id)!.files).toHaveLength(2);
    discord.expire(command);
    expect(await posted[0]!.update({ text: 'done', pictures: [chart] })).toBe(true);
    expect(content(0)).toBe('done');
    expect(discord.messages.get(posted[0]!.id)!.files).toMatchObject([
      { filename: 'chart.png', description: 'a chart' },
    ]);
    const [edit] = discord.callsTo('PATCH', /^\/channels/);
    expect(edit!.json.attachments).toHaveLength(1);
    await posted[0]!.remove();
    expect(content(0)).toBeUndefined();
    expect(await posted[0]!.update({ text: 'more' })).toBe(false);
    await posted[0]!.remove();
  });

  test('goes to a channel by its id, also after a restart; long texts become several messages', async () => {
    const { discord, platform } = await start();
    const channel = (await platform.channel(discord.general.id))!;
    expect(channel).toMatchObject({ id: discord.general.id, isDirect: false });
    const lines = Array.from({ length: 300 }, (_, k) => `line ${k} of a long report`);
    const reply: Reply = { text: lines.join('\n') };
    const posted = await channel.post(reply);
    const said = discord.said();
    expect(said.length).toBeGreaterThan(1);
    expect(said.map(({ content }) => content).join('\n')).toBe(lines.join('\n'));
    await posted.remove();
    expect(discord.said()).toEqual([]);
  });

  test('a channel that is gone is none', async () => {
    const { platform } = await start();
    expect(await platform.channel('123456789012345678')).toBeUndefined();
  });

  test('in a thread the settings are those of the channel that it belongs to', async () => {
    const { discord, platform } = await start();
    const thread = discord.openThread(discord.general);
    expect(await platform.channel(thread.id)).toMatchObject({ id: thread.id, settingsId: discord.general.id });
  });
});

test('a start that is aborted, e.g. since another platform cannot connect, leaves no connection behind', async () => {
  const { discord, platform } = await prepare();
  // Discord delays it, so that it is under way when it is aborted.
  const body = { message: 'You are being rate limited.', retry_after: 1, global: false };
  discord.fail('GET', /gateway/, { status: 429, body, headers: { 'retry-after': '1' } });
  const outcome = expect(platform.start()).rejects.toThrow('the bot is stopping');
  await until(() => discord.callsTo('GET', /gateway/).length === 1, 'the connection');
  await platform.stop(AbortSignal.timeout(1000));
  await outcome;
  await delay(1500);
  expect(discord.gateway.connections).toBe(0);
});
