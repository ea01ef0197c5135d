import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { LeftToWorkers, QueueFull, type Removal, type Turn } from '../../src/work/job-queue.ts';
import type { Job } from '../../src/work/journal.ts';
import { RedisJobQueue } from '../../src/work/redis-queue.ts';
import { RedisWorker } from '../../src/work/redis-worker.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const log = createLogger({ level: 'silent' });
const BOT = 'discord 100';

describe.skipIf(!HAS_REDIS)('jobs in Redis', () => {
  let redis: TestRedis;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await redis.empty();
  });

  async function queue(maxWaiting = 100): Promise<RedisJobQueue> {
    const opened = await RedisJobQueue.connect(redis.url, log, { maxWaiting, lookMs: 200 });
    ends.push(() => opened.close());
    return opened;
  }

  async function worker(
    perform: (job: Job, turn: Turn) => Promise<void>,
    {
      concurrency = 1,
      onRemoval = () => {},
      log: logger = log,
    }: { concurrency?: number; onRemoval?: (platform: string, removal: Removal) => void; log?: typeof log } = {},
  ): Promise<RedisWorker> {
    const started = await RedisWorker.start(redis.url, logger, { concurrency, onRemoval, lostMs: 400 });
    ends.push(() => started.close());
    await started.take(BOT, perform);
    return started;
  }

  const job = (message: string, place = 'C1'): Job => ({
    bot: BOT,
    place,
    message,
    kind: 'posted',
    files: [`F${message}`],
    begun: 1,
  });
  const never = new AbortController().signal;
  const put = (to: RedisJobQueue, one: Job, signal = never, person = 'ann') =>
    to.run(one, { channel: one.place, person, signal });

  /** Resolves once so many jobs wait in Redis. */
  async function waiting(count: number): Promise<void> {
    const client = new Redis(redis.url);
    while ((await client.zcard('emotion-bot:photos-discord-100:prioritized')) < count) await delay(5);
    client.disconnect();
  }

  test('a job is done by a worker, told to whoever waits, and leaves nothing', async () => {
    const bot = await queue();
    const done: Job[] = [];
    await worker(async (one) => void done.push(one));
    await put(bot, job('1', 'T1/C1#12.5'));
    expect(done).toEqual([job('1', 'T1/C1#12.5')]);
    const client = new Redis(redis.url);
    const keys = await client.keys('*');
    client.disconnect();
    // Whose turn was when, and BullMQ's own word that something ended.
    expect(keys.filter((key) => !/:(turn(:.*)?|meta|events|stalled-check|id|pc|marker)$/.test(key))).toEqual([]);
  });

  test('the ids of a job that is done are nowhere in Redis, nor is that of its person', async () => {
    const bot = await queue();
    await worker(async () => {});
    await put(bot, job('message1', 'place1'), never, 'person1');
    const client = new Redis(redis.url);
    const dumps = await Promise.all((await client.keys('*')).map(async (key) => [key, await client.dumpBuffer(key)]));
    const turns = await client.keys('*:turn:*');
    const events = JSON.stringify(await client.xrange('emotion-bot:photos-discord-100:events', '-', '+'));
    client.disconnect();
    expect(turns).not.toEqual([]);
    expect(events).toContain('completed');
    for (const id of ['message1', 'place1', 'person1', 'Fmessage1'])
      expect(`${dumps.join('\n')}${events}`).not.toContain(id);
  });

  test('two bots that put the same job there are both told, and it is done once', async () => {
    const [one, other] = [await queue(), await queue()];
    let done = 0;
    const both = [put(one, job('1')), put(other, job('1'))];
    await waiting(1);
    await worker(async () => {
      done += 1;
    });
    await Promise.all(both);
    expect(done).toBe(1);
  });

  test('a photo from a quiet channel does not wait for those of a busy one', async () => {
    const bot = await queue();
    const jobs = [...Array.from({ length: 8 }, (_, k) => job(String(k), 'busy')), job('8', 'quiet')];
    const all: Promise<void>[] = [];
    for (const one of jobs) {
      all.push(put(bot, one));
      await waiting(all.length);
    }
    const order: string[] = [];
    await worker(async ({ place, message }) => void order.push(`${place} ${message}`));
    await Promise.all(all);
    expect(order.indexOf('quiet 8')).toBeLessThan(2);
    expect(order.filter((one) => one.startsWith('busy'))).toEqual(Array.from({ length: 8 }, (_, k) => `busy ${k}`));
  });

  test('a job of a lost worker is done by another, which is told that it is a second try; the lost one is told that the job is no longer its own', async () => {
    const bot = await queue();
    const turns: Turn[] = [];
    const finish: (() => void)[] = [];
    const perform = async (_: Job, turn: Turn) => {
      turns.push(turn);
      await new Promise<void>((done) => finish.push(done));
    };
    await worker(perform);
    const done = put(bot, job('1'));
    await until(() => turns[0], 'the first worker');
    expect(turns[0]).toMatchObject({ lost: 0, isAgain: false });
    expect(await turns[0]!.isMine()).toBe(true);
    await worker(perform);
    const client = new Redis(redis.url);
    // As after a time without a sign of life.
    expect(await client.del(await client.keys('emotion-bot:photos-discord-100:*:lock'))).toBe(1);
    client.disconnect();
    await until(() => turns[1], 'the second worker');
    expect(turns[1]).toMatchObject({ lost: 1, isAgain: true });
    expect(await turns[1]!.isMine()).toBe(true);
    expect(await turns[0]!.isMine()).toBe(false);
    for (const end of finish) end();
    await done;
  });

  test('what fails is tried again, and it is known whether something may have been said that only the asker sees', async () => {
    const bot = await queue();
    const turns: [isAgain: boolean, whispers: number][] = [];
    await worker(async ({ message }, { isAgain, whispers, markWhisper }) => {
      turns.push([isAgain, whispers]);
      if (isAgain) return;
      await markWhisper();
      if (message === '2') await markWhisper(true);
      throw new Error('not now');
    });
    await Promise.all([put(bot, job('1')), put(bot, job('2'))]);
    expect(turns.slice(0, 2)).toEqual([
      [false, 0],
      [false, 0],
    ]);
    expect(turns.slice(2).sort()).toEqual([
      [true, 0],
      [true, 1],
    ]);
  });

  test('too many are refused; what is given up is taken out, what is left stays', async () => {
    const bot = await queue(2);
    const [given, left] = [new AbortController(), new AbortController()];
    const first = put(bot, job('1'), given.signal);
    const second = put(bot, job('2'), left.signal);
    first.catch(() => {});
    second.catch(() => {});
    await waiting(2);
    await expect(put(bot, job('3'))).rejects.toThrow(QueueFull);
    given.abort(new Error('the message was removed'));
    left.abort(new LeftToWorkers('the bot stops'));
    await expect(first).rejects.toThrow('the message was removed');
    await expect(second).rejects.toThrow(LeftToWorkers);
    const done: string[] = [];
    await worker(async ({ message }) => void done.push(message));
    await until(() => done.length > 0, 'what was left');
    expect(done).toEqual(['2']);
  });

  test('what is given up while a worker does it is waited for by the next one of its message', async () => {
    const bot = await queue();
    const begun: (() => void)[] = [];
    await worker(() => new Promise((done) => begun.push(done)));
    const given = new AbortController();
    const first = put(bot, job('1'), given.signal);
    first.catch(() => {});
    await until(() => begun.length === 1, 'the first');
    given.abort(new Error('its picture was removed'));
    await expect(first).rejects.toThrow('its picture was removed');
    const second = put(bot, job('1'));
    // Whatever is put after it, the second one has been looked at.
    const other = put(bot, job('2'));
    await waiting(1);
    begun[0]!();
    for (let k = 1; k < 3; k++) {
      await until(() => begun.length > k, 'the next');
      begun[k]!();
    }
    await Promise.all([second, other]);
    expect(begun).toHaveLength(3);
  });

  test('workers are told what was removed', async () => {
    const bot = await queue();
    const told: unknown[] = [];
    await worker(async () => {}, { onRemoval: (...removal) => told.push(removal) });
    bot.announceRemoval('discord', { kind: 'edit', message: '1', left: ['2'], hidden: [] });
    await until(() => told.length > 0, 'the word');
    expect(told).toEqual([['discord', { kind: 'edit', message: '1', left: ['2'], hidden: [] }]]);
  });

  test('a Redis that has lost everything gets the jobs again; a worker that starts while it is away waits for it', async () => {
    const bot = await queue();
    const all = Promise.all(['1', '2', '3'].map((message) => put(bot, job(message))));
    await waiting(3);
    const comeBack = await redis.takeDown();
    const lines: string[] = [];
    const warnings = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } });
    const done: string[] = [];
    const starting = worker(async ({ message }) => void done.push(message), { log: warnings });
    await until(() => lines.join('').includes('I wait for it'), 'the warning');
    await comeBack();
    await starting;
    await all;
    // Where the event of one that is done comes late, it is put there once more: a worker then finds its answer.
    expect([...new Set(done)].sort()).toEqual(['1', '2', '3']);
  });

  test('the first jobs of a bot wait for a Redis that is away, by one connection, unless they are given up', async () => {
    const bot = await queue();
    const comeBack = await redis.takeDown();
    const given = new AbortController();
    const [first, second, third] = [put(bot, job('1')), put(bot, job('2')), put(bot, job('3'), given.signal)];
    const left = Promise.allSettled([first, second]);
    await delay(300);
    given.abort(new Error('the message was removed'));
    await expect(third).rejects.toThrow('the message was removed');
    await comeBack();
    await waiting(2);
    const client = new Redis(redis.url);
    ends.push(() => client.disconnect());
    // The bot has one connection for calls, and one on which it waits.
    const others = ((await client.client('LIST')) as string).trim().split('\n').length - 1;
    expect(others).toBe(2);
    await worker(async () => {});
    expect(await left).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
  });

  test('a bot whose first job comes in the moment in which Redis is killed hands on that one and the next', async () => {
    const bot = await queue();
    // Killed in this tick: the bot cannot know it yet.
    const down = redis.takeDown();
    const first = put(bot, job('1'));
    first.catch(() => {});
    const comeBack = await down;
    // Its commands fail at the second connection that is refused.
    await delay(1000);
    await comeBack();
    const done: string[] = [];
    await worker(async ({ message }) => void done.push(message));
    await Promise.all([first, put(bot, job('2'))]);
    expect(done.sort()).toEqual(['1', '2']);
  });

  test('a worker that has connected when Redis goes away takes jobs once it is back', async () => {
    const started = await RedisWorker.start(redis.url, log, { concurrency: 1, onRemoval: () => {} });
    ends.push(() => started.close());
    const comeBack = await redis.takeDown();
    const taking = started.take(BOT, async () => {});
    await Promise.race([taking, delay(300)]);
    await comeBack();
    await taking;
    await put(await queue(), job('1'));
  });
});
