import { afterEach, expect, test } from 'vitest';
import type { BoardFinder } from '../../src/retraining/notice-boards.ts';
import { snowflake, user } from '../fakes/discord/payloads.ts';
import type { FakeChannel, FakeDiscord } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { inJournal, leave } from './left.ts';
import { aWhile, cleanUp, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

const SHARDS = 2;

/** A channel in a server of its own on each shard. */
function channelsOn(discord: FakeDiscord): FakeChannel[] {
  return Array.from({ length: SHARDS }, (_, shard) => {
    let at = Date.now();
    while (Number((BigInt(snowflake(at)) >> 22n) % BigInt(SHARDS)) !== shard) at -= 1;
    const guild = discord.addGuild(`on ${shard}`, { id: snowflake(at) });
    return discord.addChannel('general', { guildId: guild.id });
  });
}

async function post(discord: FakeDiscord, channel: FakeChannel) {
  return discord.post({ channel, files: [discord.file(await plainPicture(64, 48))] });
}

/** Two bots with a shard each that share a state folder, as processes of one machine. */
async function startTwo(before: (discord: FakeDiscord) => void, state = stateFolder()) {
  const part = (list: string) => ({
    state,
    environment: { DISCORD_SHARDS: String(SHARDS), DISCORD_SHARD_LIST: list },
  });
  const first = await startOnDiscord({
    ...part('0'),
    before: (discord) => {
      discord.leaveAll();
      before(discord);
    },
  });
  const { discord } = first;
  return { discord, state, first, second: await startOnDiscord({ ...part('1'), discord }), part };
}

test('several shards in one process: each identifies, and servers of all of them are answered, direct messages too', async () => {
  let channels: FakeChannel[] = [];
  const { discord, bot } = await startOnDiscord({
    environment: { DISCORD_SHARDS: String(SHARDS) },
    before: (fake) => {
      fake.leaveAll();
      channels = channelsOn(fake);
    },
  });
  expect(discord.gateway.identifies.map(({ shard }) => shard).sort()).toEqual([
    [0, 2],
    [1, 2],
  ]);
  expect(bot.addresses[0]).toBe('On Discord as emotion-bot, in 2 servers; shards 0, 1 of 2');
  const direct = discord.directChannel(user('ann'));
  for (const channel of [...channels, direct]) {
    const message = await post(discord, channel);
    const [answer] = await answers(discord, 1, channel);
    expect(answer!.reference?.message_id).toBe(message.id);
  }
});

test('a shard a process: each answers what is on its own, once; direct messages are the first one’s', async () => {
  let channels: FakeChannel[] = [];
  const { discord, first, second } = await startTwo((fake) => {
    channels = channelsOn(fake);
  });
  expect(discord.gateway.identifies.map(({ shard }) => shard)).toEqual([
    [0, 2],
    [1, 2],
  ]);
  expect([first, second].map(({ bot }) => bot.addresses[0])).toEqual([
    'On Discord as emotion-bot, in 1 server; shard 0 of 2',
    'On Discord as emotion-bot, in 1 server; shard 1 of 2',
  ]);
  const direct = discord.directChannel(user('ann'));
  for (const channel of [...channels, direct]) {
    await post(discord, channel);
    await answers(discord, 1, channel);
  }
  await aWhile();
  for (const channel of [...channels, direct]) expect(discord.said(channel)).toHaveLength(1);
  const inLog = (lines: readonly string[]) => lines.filter((line) => line.includes('"outcome":"answered"')).length;
  expect([inLog(first.log), inLog(second.log)]).toEqual([2, 1]);
});

test('a process with a part of the shards cannot tell which server is the only one: nobody may /retrain unless it is named', async () => {
  let channels: FakeChannel[] = [];
  const { discord, second, part } = await startTwo((fake) => {
    channels = channelsOn(fake);
  });
  const [, channel] = channels;
  const ask = async () => {
    const asked = discord.command('retrain', { channel: channel!, permissions: ['ManageGuild'] });
    await until(() => asked.state === 'answered', 'the answer');
    return discord.said(channel!).at(-1)!.content;
  };
  expect(await ask()).toBe('/retrain is for admins of the place that runs this bot.');
  await second.bot.stop();
  const own = part('1');
  const environment = { ...own.environment, OPERATOR_GUILDS: channel!.guildId! };
  await startOnDiscord({ ...own, environment, discord });
  expect(await ask()).toBe('This bot was started without what training takes.');
});

test('what a killed process of one shard left is answered by the next one of that shard, not by another one', async () => {
  const state = stateFolder();
  let messages: string[] = [];
  let fake: FakeDiscord | undefined;
  const direct: FakeChannel[] = [];
  const channels: FakeChannel[] = [];
  const both = await startTwo((discord) => {
    fake = discord;
    channels.push(...channelsOn(discord));
    direct.push(discord.directChannel(user('ann')));
  }, state);
  await Promise.all([both.first.bot.stop(), both.second.bot.stop()]);
  const bot = `discord ${fake!.me.id}`;
  const places = [...channels, ...direct];
  messages = [];
  for (const channel of places) {
    const { id } = await post(fake!, channel);
    messages.push(id);
    await leave(state, { bot, place: channel.id, message: id, kind: 'posted' });
  }
  const left = () => inJournal(state, (journal) => journal.takeOverJobs(bot, async () => false));
  expect(await left()).toEqual([]);
  // The second one starts first.
  await startOnDiscord({ ...both.part('1'), discord: fake! });
  await answers(fake!, 1, channels[1]!);
  await aWhile();
  expect([fake!.said(channels[0]!), fake!.said(direct[0]!)]).toEqual([[], []]);
  await startOnDiscord({ ...both.part('0'), discord: fake! });
  await answers(fake!, 1, channels[0]!);
  await answers(fake!, 1, direct[0]!);
  await aWhile();
  for (const channel of places) expect(fake!.said(channel)).toHaveLength(1);
});

test('photos that were posted while one shard was away are read, though the other has seen later ones', async () => {
  const state = stateFolder();
  const environment = { DISCORD_SHARDS: String(SHARDS) };
  let channels: FakeChannel[] = [];
  const { discord, bot } = await startOnDiscord({
    state,
    environment,
    before: (fake) => {
      fake.leaveAll();
      channels = channelsOn(fake);
    },
  });
  const quiet = discord.addChannel('quiet', { guildId: channels[1]!.guildId! });
  await post(discord, channels[1]!);
  await answers(discord, 1, channels[1]!);
  await bot.stop();
  const missed = await post(discord, quiet);
  await inJournal(state, async (journal) => {
    journal.markSeen(`discord ${discord.me.id}`, channels[0]!.id, snowflake(Date.now() + 60_000));
  });
  await startOnDiscord({ state, environment, discord });
  const [answer] = await answers(discord, 1, quiet);
  expect(answer!.reference?.message_id).toBe(missed.id);
});

test('a channel on another process’s shard is not mistaken for a deleted one: what is to be posted there waits for that process', async () => {
  let channels: FakeChannel[] = [];
  let find: BoardFinder | undefined;
  const retraining = {
    begin: async (findBoard: BoardFinder) => {
      find = findBoard;
    },
    stop: async () => {},
  } as never;
  const { discord } = await startOnDiscord({
    environment: { DISCORD_SHARDS: String(SHARDS), DISCORD_SHARD_LIST: '1' },
    training: { retraining, registry: {} as never, refresh: async () => {} },
    before: (fake) => {
      fake.leaveAll();
      channels = channelsOn(fake);
    },
  });
  const [other, own] = channels;
  expect(await find!('discord', own!.id)).toBeDefined();
  await expect(find!('discord', other!.id)).rejects.toThrow('another process has the shard');
  expect(await find!('discord', snowflake())).toBeUndefined();
  expect(await find!('discord', discord.directChannel(user('ann')).id)).toBeDefined();
});

test('a shard that begins too soon after another process’s is refused by Discord, and tries again by itself', async () => {
  let channels: FakeChannel[] = [];
  const { discord } = await startOnDiscord({
    environment: { DISCORD_SHARDS: String(SHARDS), DISCORD_SHARD_LIST: '1' },
    before: (fake) => {
      fake.leaveAll();
      channels = channelsOn(fake);
      fake.gateway.tooSoon = 1;
    },
  });
  expect(discord.gateway.identifies).toHaveLength(2);
  await post(discord, channels[1]!);
  await answers(discord, 1, channels[1]!);
});
