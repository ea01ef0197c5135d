import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { snowflake, user } from '../fakes/discord/payloads.ts';
import type { FakeDiscord } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { inJournal, isWritten, leave, left, stuckReader, whisper } from './left.ts';
import { afterwards, aWhile, cleanUp, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

/** A bot that is stopped in the middle of the requests that `ask` makes, once it has received all of them; with what the next bot needs. */
async function stoppedInTheMiddle<Result>(
  ask: (discord: FakeDiscord, stuck: { readonly begun: number }) => Promise<Result>,
  begun = 1,
) {
  const stuck = stuckReader();
  const state = stateFolder();
  const first = await startOnDiscord({ state, readPhoto: stuck.readPhoto, environment: { SHUTDOWN_SECONDS: '1' } });
  const asked = await ask(first.discord, stuck);
  await until(() => stuck.begun >= begun, 'the photo being read');
  const posts = [...first.discord.messages.values()].filter(({ author }) => author.id !== first.discord.me.id);
  await until(() => posts.every(({ id }) => isWritten(state, id)), 'every message being written down');
  await first.bot.stop();
  return { asked, log: first.log, next: { discord: first.discord, state } };
}

describe('what a run of the bot leaves', () => {
  test('is answered by the next one, as a reply, once; the journal holds ids only, and nothing once it is answered', async () => {
    const { log, next } = await stoppedInTheMiddle(async (discord) => {
      discord.post({ author: user('secret-name'), files: [discord.file(await plainPicture(64, 48), 'private.png')] });
    });
    expect(next.discord.said()).toEqual([]);
    expect(log.join('')).toContain('photos are left to the next start');
    const files = ['journal.db', 'journal.db-wal'].map((name) => {
      try {
        return readFileSync(join(next.state, 'state', name), 'latin1');
      } catch {
        return '';
      }
    });
    expect(files.join()).toContain([...next.discord.messages.keys()][0]);
    expect(files.join()).not.toMatch(/secret-name|private\.png|http|fake-token/);
    const { bot } = await startOnDiscord(next);
    const [answer] = await answers(next.discord, 1);
    const [post] = next.discord.messages.values();
    expect(answer!.reference).toMatchObject({ message_id: post!.id });
    expect(answer!.files).toHaveLength(1);
    await bot.stop();
    expect(await left(next.state, `discord ${next.discord.me.id}`)).toBe(0);
    expect(next.discord.said()).toHaveLength(1);
  });

  test('is not answered again where its answer lies behind more messages than Discord gives at a time', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (discord) => {
      return discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    });
    for (let k = 0; k < 150; k++) next.discord.post({ content: 'hello' });
    next.discord.post({ author: next.discord.me, content: '2 people', repliesTo: asked });
    const { log } = await startOnDiscord(next);
    await until(() => log.some((line) => line.includes('earlier runs')), 'the look at what was left');
    expect(next.discord.said()).toHaveLength(1);
  });

  test('is finished: of a message with several pictures, only those without an answer are read', async () => {
    const stuck = stuckReader(2);
    const state = stateFolder();
    const { discord, bot } = await startOnDiscord({
      state,
      readPhoto: stuck.readPhoto,
      environment: { SHUTDOWN_SECONDS: '1' },
    });
    discord.post({
      files: await Promise.all(
        ['a', 'b', 'c'].map(async (name) => discord.file(await plainPicture(64, 48), `${name}.png`)),
      ),
    });
    await until(() => stuck.begun === 2, 'the second picture being read');
    await bot.stop();
    await startOnDiscord({ discord, state });
    const said = await answers(discord, 3);
    await aWhile();
    expect(discord.said()).toHaveLength(3);
    expect(said.map(({ files }) => files[0]!.filename)).toEqual(['a', 'b', 'c'].map((name) => `${name}-emotions.jpg`));
  });

  test('is forgotten where message or channel are gone, or its poster has since opted out', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (discord, stuck) => {
      const files = [discord.file(await plainPicture(64, 48))];
      const closing = discord.addChannel('closing');
      discord.gateway.dispatch('CHANNEL_CREATE', {
        id: closing.id,
        type: 0,
        name: 'closing',
        guild_id: discord.guild.id,
        position: 0,
        permission_overwrites: [],
      });
      const shy = user('shy');
      discord.post({ files, author: shy });
      await until(() => stuck.begun === 1, 'the photo being read');
      discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
      await answers(discord, 1);
      return {
        gone: discord.post({ files }),
        closed: discord.post({ files, channel: closing }),
        stays: discord.post({ files }),
      };
    });
    next.discord.remove(asked.gone);
    (asked.closed.channel.denied as string[]).push('ViewChannel');
    const { bot, log } = await startOnDiscord(next);
    const [, answer] = await answers(next.discord, 2);
    expect(answer!.reference).toMatchObject({ message_id: asked.stays.id });
    await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(JSON.parse(log.find((line) => line.includes('earlier runs'))!)).toMatchObject({
      left: 4,
      answered: 2,
    });
    expect(next.discord.said()).toHaveLength(2);
    await bot.stop();
    expect(await left(next.state, `discord ${next.discord.me.id}`)).toBe(0);
  });

  test('is not answered again where the answer was sent and only the journal does not say so', async () => {
    const state = stateFolder();
    const first = await startOnDiscord({ state });
    const { discord } = first;
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    await first.bot.stop();
    const bot = `discord ${discord.me.id}`;
    await leave(state, { bot, place: discord.general.id, message: post.id, kind: 'posted' });
    const { log } = await startOnDiscord({ discord, state });
    await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(discord.said()).toHaveLength(1);
    expect(discord.callsTo('POST', /messages$/)).toHaveLength(1);
  });
});

test('a photo that is posted while the bot stops is answered by the next run', async () => {
  const { next } = await stoppedInTheMiddle(async (discord) => {
    const files = [discord.file(await plainPicture(64, 48))];
    discord.post({ files });
    setTimeout(() => discord.post({ files }), 300);
  });
  await startOnDiscord(next);
  await answers(next.discord, 2);
});

test('an answer that Discord does not take is tried again, not lost', async () => {
  const state = stateFolder();
  const { discord, bot, log } = await startOnDiscord({
    state,
    before: (fake) => fake.fail('POST', /channels\/\d+\/messages$/, { status: 500 }, 100),
  });
  discord.post({ files: [discord.file(await plainPicture(64, 48))] });
  await until(
    () => log.some((line) => line.includes('a request cannot be answered at the moment')),
    'the failed reply',
  );
  await bot.stop();
  expect(await left(state, `discord ${discord.me.id}`)).toBe(1);
});

describe('a command that a run of the bot leaves', () => {
  test('about a message is answered by the next one in an ordinary message, in place of ‘is thinking’', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (discord, stuck) => {
      const post = discord.post({
        author: user('other', { bot: true }),
        files: [discord.file(await plainPicture(64, 48))],
      });
      const interaction = discord.menu(post);
      await until(() => stuck.begun > 0, 'the photo being read');
      await until(() => interaction.state === 'deferred', '‘is thinking’');
      return { post, interaction };
    });
    await startOnDiscord(next);
    const [answer] = await answers(next.discord, 1);
    expect(answer!.files).toHaveLength(1);
    await until(() => asked.interaction.state === 'answered', 'the end of ‘is thinking’');
    expect(next.discord.callsTo('POST', /webhooks/)).toEqual([]);
  });

  test('with a picture of its own is answered with a sentence: nothing is kept that the picture could be loaded with', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (discord) =>
      discord.command('emotions', { files: { image: discord.file(await plainPicture(64, 48)) } }),
    );
    await startOnDiscord(next);
    const [answer] = await answers(next.discord, 1);
    expect(answer!.content).toBe('I was restarted before I could answer /emotions. Ask me again.');
    await until(() => asked.state === 'answered', 'the end of ‘is thinking’');
  });

  test('gets no word of a restart if its asker has been told privately why there is no answer, but does while it shows ‘is thinking’', async () => {
    const stuck = stuckReader();
    // Not stopped before the test ends, like a bot that is killed.
    const { discord } = await startOnDiscord({ readPhoto: stuck.readPhoto, environment: { SHUTDOWN_SECONDS: '1' } });
    const thinking = discord.command('emotions', { files: { image: discord.file(await plainPicture(64, 48)) } });
    await until(() => stuck.begun === 1 && thinking.state === 'deferred', '‘is thinking’');
    const state = stateFolder();
    const job = { bot: `discord ${discord.me.id}`, place: discord.general.id, kind: 'command' } as const;
    for (const message of [snowflake(), thinking.id]) {
      await leave(state, { ...job, message });
      await whisper(state, { ...job, message });
    }
    const { log } = await startOnDiscord({ discord, state });
    await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(discord.said().map(({ content }) => content)).toEqual([
      'I was restarted before I could answer /emotions. Ask me again.',
    ]);
    expect(await left(state, job.bot)).toBe(0);
  });

  test('is forgotten where it has been answered, or where Discord has given it up', async () => {
    const state = stateFolder();
    const first = await startOnDiscord({ state });
    const { discord } = first;
    const { id } = discord.command('emotions', { files: { image: discord.file(await plainPicture(64, 48)) } });
    await answers(discord, 1);
    await first.bot.stop();
    const job = { bot: `discord ${discord.me.id}`, place: discord.general.id, kind: 'command' } as const;
    await leave(state, { ...job, message: id });
    await leave(state, { ...job, message: snowflake(), begun: Date.now() - 16 * 60_000 });
    const { log } = await startOnDiscord({ discord, state });
    await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(discord.said()).toHaveLength(1);
    expect(await left(state, job.bot)).toBe(0);
  });
});

describe('photos that are posted while the bot is away', () => {
  const minutesAgo = (minutes: number) => snowflake(Date.now() - minutes * 60_000);

  test('are answered when it comes back: ten minutes back, in channels without a message so far and in direct messages too', async () => {
    const state = stateFolder();
    const first = await startOnDiscord({ state });
    const { discord } = first;
    const quiet = discord.addChannel('quiet');
    const ann = user('ann');
    const direct = discord.directChannel(ann);
    await first.bot.stop();
    const bot = `discord ${discord.me.id}`;
    await inJournal(state, async (journal) => {
      for (const { id } of [discord.general, direct]) journal.markSeen(bot, id, minutesAgo(60));
    });
    // Others have written to the bot since.
    await inJournal(state, async (journal) => {
      for (let k = 0; k < 60; k++) {
        journal.markSeen(bot, discord.directChannel(user(`friend-${k}`)).id, minutesAgo(50));
      }
    });
    const files = [discord.file(await plainPicture(64, 48))];
    discord.post({ files, id: minutesAgo(61) });
    discord.post({ files, id: minutesAgo(11) });
    discord.post({ content: 'only words' });
    discord.post({ files, author: user('another', { bot: true }) });
    const missed = [
      discord.post({ files, id: minutesAgo(9) }),
      discord.post({ files, channel: quiet }),
      discord.post({ files, channel: direct, author: ann }),
    ];
    const second = await startOnDiscord({ discord, state });
    await until(() => discord.said().length >= 3, 'three answers');
    await until(() => second.log.some((line) => line.includes('while I was away')), 'the end of what was missed');
    expect(
      discord
        .said()
        .map(({ reference }) => reference?.message_id)
        .sort(),
    ).toEqual(missed.map(({ id }) => id).sort());
    // The next start has missed nothing.
    await second.bot.stop();
    const calls = discord.callsTo('POST', /messages$/).length;
    await startOnDiscord({ discord, state });
    await aWhile();
    expect(discord.callsTo('POST', /messages$/)).toHaveLength(calls);
  });

  test.skipIf(!HAS_REDIS)('are answered by a bot that comes back on another machine with the same Redis', async () => {
    const redis = await startRedis();
    afterwards(() => redis.stop());
    const environment = { REDIS_URL: redis.url };
    const { discord, bot } = await startOnDiscord({ environment });
    discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    await bot.stop();
    const missed = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await startOnDiscord({ discord, environment });
    const said = await answers(discord, 2);
    expect(said[1]!.reference?.message_id).toBe(missed.id);
  });

  test('are left alone by a bot that has never been there', async () => {
    const picture = await plainPicture(64, 48);
    const { discord } = await startOnDiscord({
      before: (fake) => fake.post({ files: [fake.file(picture)], id: minutesAgo(2) }),
    });
    await aWhile();
    expect(discord.said()).toEqual([]);
  });

  test('are answered after a connection that could not be taken up where it ended, though Discord does not give them at once', async () => {
    const { discord, log } = await startOnDiscord();
    const picture = await plainPicture(64, 48);
    discord.post({ files: [discord.file(picture)] });
    await answers(discord, 1);
    const before = discord.gateway.identifies.length;
    const quiet = discord.addChannel('quiet');
    discord.fail('GET', new RegExp(`/channels/${discord.general.id}/messages$`), { status: 503 }, 6);
    discord.gateway.forget();
    const missed = discord.post({ files: [discord.file(picture)] });
    discord.post({ channel: quiet, files: [discord.file(picture)] });
    await until(() => discord.gateway.identifies.length > before, 'the new session');
    await until(() => log.some((line) => line.includes('could not be read')), 'the warning');
    const later = discord.post({ files: [discord.file(picture)] });
    const [said] = await Promise.all([answers(discord, 3), answers(discord, 1, quiet)]);
    const answer = said.find(({ reference }) => reference?.message_id === missed.id);
    expect(said.filter(({ reference }) => reference?.message_id === later.id)).toHaveLength(1);
    expect(answer!.reference).toMatchObject({ message_id: missed.id });
  });

  test('are answered, though a later one comes before Discord has told a new session of its servers', async () => {
    const { discord } = await startOnDiscord();
    const files = [discord.file(await plainPicture(64, 48))];
    discord.post({ files });
    await answers(discord, 1);
    let tellServers = () => {};
    discord.gateway.beforeServers = new Promise<void>((done) => (tellServers = done));
    discord.gateway.forget();
    const missed = discord.post({ files });
    await until(() => discord.gateway.connections === 1, 'the new session');
    discord.post({ files });
    await answers(discord, 2);
    tellServers();
    const said = await answers(discord, 3);
    expect(said.map(({ reference }) => reference?.message_id)).toContain(missed.id);
  });
});
