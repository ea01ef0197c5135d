import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql/promise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { startWorker } from '../../src/worker.ts';
import { snowflake, user } from '../fakes/discord/payloads.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { afterwards, aWhile, cleanUp, runBot, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

describe.skipIf(!HAS_REDIS)('photos that a worker answers', () => {
  let discord: FakeDiscord;
  let slack: FakeSlack;
  let config: Config;
  /** Photos that the worker has begun, and what lets it go on. */
  let begun: (() => void)[];
  let isHeld: boolean;
  let worker: Awaited<ReturnType<typeof startWorker>>;

  beforeEach(async () => {
    const [onDiscord, onSlack, redis] = await Promise.all([FakeDiscord.start(), FakeSlack.start(), startRedis()]);
    [discord, slack] = [onDiscord, onSlack];
    afterwards(() => Promise.all([discord.close(), slack.close(), redis.stop()]));
    const both = onFakes(discord, slack);
    config = loadConfig({
      directory: stateFolder(),
      environment: {
        ...both.environment,
        REDIS_URL: redis.url,
        READ_BY: 'workers',
      },
      internal: both.internal,
    });
    begun = [];
    isHeld = false;
    const read = fakePhotoReader();
    worker = await startWorker(config, createLogger({ level: 'silent' }), async (bytes, signal) => {
      await new Promise<void>((go) => {
        begun.push(go);
        if (!isHeld) go();
        signal.addEventListener('abort', () => go());
      });
      return await read(bytes, signal);
    });
    afterwards(() => worker.stop());
    // The bot's own reader would never end.
    const readPhoto = async (_: Uint8Array, signal: AbortSignal) => await delay(1_000_000, { faces: [] }, { signal });
    await runBot(config, { readPhoto });
  });

  /** How many jobs the bot's journal holds. */
  async function jobs(): Promise<number> {
    const database = new Database(join(config.stateDirectory, 'journal.db'), {});
    const [row] = (await (await database.prepare('SELECT COUNT(*) AS jobs FROM jobs')).all()) as { jobs: number }[];
    database.close();
    return row!.jobs;
  }

  test('are answered with what the bot would have said, and taken back with their message', async () => {
    const photo = await plainPicture(64, 48);
    const message = discord.post({ files: [discord.file(photo)] });
    const post = slack.post({ files: [slack.file(photo)] });
    await until(() => discord.said().length === 1 && slack.answers().length === 1, 'both answers');
    expect(discord.said()[0]).toMatchObject({ reference: { message_id: message.id } });
    expect(discord.said()[0]!.files).toHaveLength(1);
    expect(slack.answers()[0]).toMatchObject({ thread_ts: post.ts });
    discord.remove(message);
    await until(() => discord.said().length === 0, 'the answer being removed');
  });

  test('are taken back with their message by a bot that was asked about it too, once their worker has gone', async () => {
    const photo = await plainPicture(64, 48);
    const message = discord.post({ files: [discord.file(photo)] });
    const post = slack.post({ files: [slack.file(photo)] });
    await until(() => discord.said().length === 1 && slack.answers().length === 1, 'both answers');
    await worker.stop();
    discord.menu(message);
    slack.shortcut('read_emotions', post);
    await until(() => slack.fileRequests.length === 2 && discord.wholeFiles.length === 2, 'the bot reading them');
    discord.remove(message);
    slack.remove(post);
    await until(() => discord.said().length === 0 && slack.answers().length === 0, 'the removal');
  });

  test('in a thread are answered by what the bot may do in the channel that it is in', async () => {
    const channel = discord.addChannel('words', { denied: ['AttachFiles'] });
    discord.post({ channel: discord.openThread(channel), files: [discord.file(await plainPicture(64, 48))] });
    const answer = await until(() => discord.said()[0], 'the answer');
    expect(answer.files).toEqual([]);
    expect(answer.content).toMatch(/I lack the permission ‘Attach Files’\./);
  });

  test('are answered by what the bot was allowed at most five minutes ago', async () => {
    const denied: 'AttachFiles'[] = [];
    const channel = discord.openThread(discord.addChannel('words', { denied }));
    const photo = await plainPicture(64, 48);
    const { now } = Date;
    /** The answer to a photo that is posted so many milliseconds from here. */
    const answerAfter = async (milliseconds: number) => {
      vi.spyOn(Date, 'now').mockImplementation(() => now() + milliseconds);
      const { id } = discord.post({ channel, files: [discord.file(photo)] });
      return await until(() => discord.said().find(({ reference }) => reference?.message_id === id), 'the answer');
    };
    expect((await answerAfter(0)).files).toHaveLength(1);
    const learned = discord.callsTo('GET', new RegExp(`/channels/${channel.id}$`)).length;
    expect(learned).toBeGreaterThan(0);
    const asked = () => discord.callsTo('GET', new RegExp(`/channels/${channel.id}$`)).length;
    await answerAfter(4.5 * 60_000);
    expect(asked()).toBe(learned);
    denied.push('AttachFiles');
    expect(await answerAfter(5.5 * 60_000)).toMatchObject({
      files: [],
      content: expect.stringMatching(/Attach Files/),
    });
    expect(asked()).toBeGreaterThan(learned);
  });

  test('are taken by no worker whose network cannot be loaded', async () => {
    const log = createLogger({ level: 'silent' });
    const ready = delay(50).then(() => Promise.reject(new Error('there is no network')));
    ready.catch(() => {});
    const worker = startWorker(config, log, fakePhotoReader(), ready).then((started) => started.stop());
    await expect(worker).rejects.toThrow('there is no network');
  });

  test('are given up when their message is removed', async () => {
    isHeld = true;
    const photo = await plainPicture(64, 48);
    const message = discord.post({ files: [discord.file(photo)] });
    await until(() => begun.length === 1, 'the worker having begun');
    discord.remove(message);
    isHeld = false;
    // What comes later is answered, and the removed one is not.
    const later = discord.post({ files: [discord.file(photo)] });
    await until(() => discord.said().length > 0, 'the later answer');
    await aWhile();
    expect(discord.said().map(({ reference }) => reference?.message_id)).toEqual([later.id]);
  });

  test('are answered where an edit adds them while the first of their message is being read, and nothing is left in the journal', async () => {
    isHeld = true;
    const [first, second] = [await plainPicture(64, 48), await plainPicture(80, 60)];
    const [a, b] = [discord.file(first, 'a.png'), discord.file(second, 'b.png')];
    const message = discord.post({ files: [a] });
    const file = slack.file(first, 'a.png');
    const post = slack.post({ files: [file] });
    await until(() => begun.length === 2, 'the worker having begun');
    const before = { ...post, files: [...post.files] };
    discord.edit(message, { files: [a, { ...b, id: snowflake(Date.now() + 10_000) }] });
    post.files = [file, slack.file(second, 'b.png')];
    const { channel } = post;
    slack.event({ type: 'message', subtype: 'message_changed', channel, message: post, previous_message: before });
    await until(() => slack.acks.length === 2, 'the edit being known');
    discord.command('help');
    await until(() => discord.said().length === 1, 'the edit being known');
    isHeld = false;
    for (const go of begun) go();
    await until(() => discord.said().length === 3 && slack.answers().length === 2, 'two answers each');
    const names = discord.said().flatMap(({ files }) => files.map(({ filename }) => filename));
    expect(names.sort()).toEqual(['a-emotions.jpg', 'b-emotions.jpg']);
    expect(slack.answers().map(({ thread_ts }) => thread_ts)).toEqual([post.ts, post.ts]);
    await until(async () => (await jobs()) === 0, 'an empty journal');
  });

  test('are answered where an edit puts them in the place of the one that is being read', async () => {
    isHeld = true;
    const [first, second] = [await plainPicture(64, 48), await plainPicture(80, 60)];
    const message = discord.post({ files: [discord.file(first, 'a.png')] });
    const post = slack.post({ files: [slack.file(first, 'a.png')] });
    await until(() => begun.length === 2, 'the worker having begun');
    isHeld = false;
    discord.edit(message, { files: [{ ...discord.file(second, 'b.png'), id: snowflake(Date.now() + 10_000) }] });
    const before = { ...post };
    post.files = [slack.file(second, 'b.png')];
    const { channel } = post;
    slack.event({ type: 'message', subtype: 'message_changed', channel, message: post, previous_message: before });
    await until(() => discord.said().length > 0 && slack.answers().length > 0, 'the answers');
    await until(async () => (await jobs()) === 0, 'an empty journal');
    expect(discord.said().map(({ files: [file] }) => file!.filename)).toEqual(['b-emotions.jpg']);
    expect(slack.answers()).toHaveLength(1);
  });

  test('are given up where they are taken out or hidden, or their messages are deleted together, while they wait for a worker and while it reads them', async () => {
    isHeld = true;
    const photo = await plainPicture(64, 48);
    const files = Array.from({ length: 4 }, (_, k) => discord.file(photo, `${k}.png`));
    const posts = files.map((one) => discord.post({ files: [one], author: user('ann') }));
    const onSlack = [slack.file(photo), slack.file(photo)];
    slack.post({ files: [onSlack[0]!], user: 'U5' });
    slack.post({ files: [onSlack[1]!], user: 'U6' });
    await until(() => begun.length >= 2, 'the worker having begun');
    discord.edit(posts[0]!, { files: [{ ...files[0]!, flags: 8 }] });
    discord.edit(posts[1]!, { files: [] });
    discord.remove(posts[2]!, posts[3]!);
    for (const { id } of onSlack) slack.deleteFile(id);
    isHeld = false;
    const later = discord.post({ files: [discord.file(photo, 'later.png')] });
    await until(() => discord.said().some(({ reference }) => reference?.message_id === later.id), 'the later answer');
    const slackLater = slack.post({ files: [slack.file(photo)] });
    await until(() => slack.answers().some(({ thread_ts }) => thread_ts === slackLater.ts), 'the later answer');
    await until(async () => (await jobs()) === 0, 'an empty journal');
    expect(discord.said().map(({ files: [file] }) => file!.filename)).toEqual(['later-emotions.jpg']);
    expect(slack.said()).toHaveLength(1);
  });

  test('of somebody who opted out are left alone', async () => {
    const photo = await plainPicture(64, 48);
    const ann = { ...discord.post({ content: 'hello' }).author };
    const asked = discord.command('privacy', { input: { choice: 'opt-out' }, by: ann });
    await until(() => asked.state === 'answered', 'the wish being kept');
    discord.post({ files: [discord.file(photo)], author: ann });
    const other = discord.post({ files: [discord.file(photo)] });
    await until(() => discord.said().some(({ reference }) => reference?.message_id === other.id), 'the other answer');
    await aWhile();
    expect(begun).toHaveLength(1);
  });
});
