import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FileJournal } from '../../src/work/file-journal.ts';
import type { Job } from '../../src/work/journal.ts';
import { SharedSeen } from '../../src/work/shared-seen.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';

const log = createLogger({ level: 'silent' });
const BOT = 'discord 100';
const DAY_MS = 24 * 60 * 60_000;

describe.skipIf(!HAS_REDIS)('what machines have seen', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  beforeEach(() => redis.empty());

  /** A machine with a disk of its own. */
  async function machine(now = Date.now) {
    const folder = mkdtempSync(join(tmpdir(), 'seen-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return async (url = redis.url) =>
      await SharedSeen.connect(await FileJournal.open(join(folder, 'journal.db'), log), url, log, { now });
  }

  test('a bot that comes back where it has never been reads on from the last message that any machine has seen', async () => {
    const [open, openOther] = [await machine(), await machine()];
    const [one, other] = [await open(), await openOther()];
    one.markSeen(BOT, 'c1', '98');
    one.markSeen(BOT, 'c1', '99');
    one.markSeen(BOT, 'c2', '200');
    one.markSeen('slack T1', 'c3', '1');
    await one.close();
    // Later in one channel, by one digit more, and earlier in another.
    other.markSeen(BOT, 'c1', '100');
    other.markSeen(BOT, 'c2', '150');
    await other.close();
    const third = await (await machine())();
    expect([...(await third.lastSeen(BOT))]).toEqual([
      ['c2', '200'],
      ['c1', '100'],
    ]);
    expect([...(await third.lastSeen('slack T1'))]).toEqual([['c3', '1']]);
    await third.close();
    // For channels that it has seen itself, it does not rely on other machines: they may have died before they answered.
    const again = await openOther();
    expect((await again.lastSeen(BOT)).get('c2')).toBe('150');
    await again.close();
  });

  test('is forgotten after thirty days, and ids are all that is kept', async () => {
    let time = Date.now();
    const open = await machine(() => time);
    const one = await open();
    one.markSeen(BOT, 'c1', '1');
    await one.close();
    time += 20 * DAY_MS;
    const again = await open();
    again.markSeen(BOT, 'c2', '2');
    await again.close();
    time += 11 * DAY_MS;
    const later = await (await machine(() => time))();
    expect([...(await later.lastSeen(BOT))]).toEqual([['c2', '2']]);
    const client = new Redis(redis.url);
    expect(await client.hkeys(`emotion-bot:seen:${BOT}`)).toEqual(['c2']);
    expect(await client.hget(`emotion-bot:seen:${BOT}`, 'c2')).toMatch(/^2 \d+$/);
    expect(await client.ttl(`emotion-bot:seen:${BOT}`)).toBeGreaterThan(29 * 24 * 3600);
    client.disconnect();
    await later.close();
  });

  test('is forgotten after thirty days also while a bot runs that handles messages of other channels', async () => {
    let time = Date.now();
    const open = await machine(() => time);
    const bot = await open();
    bot.markSeen(BOT, 'c1', '1');
    await bot.close();
    time += 31 * DAY_MS;
    const later = await open();
    later.markSeen(BOT, 'c2', '2');
    await later.close();
    const client = new Redis(redis.url);
    expect(await client.hkeys(`emotion-bot:seen:${BOT}`)).toEqual(['c2']);
    client.disconnect();
  });

  test('jobs stay on their machine, and a machine without Redis goes on with its own', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const [open, openOther] = [await machine(), await machine()];
    const one = await open(own.url);
    const job: Job = { bot: BOT, place: 'c1', message: '1', kind: 'posted', files: [], begun: 1 };
    await one.begin(job);
    one.markSeen(BOT, 'c1', '1');
    const startAgain = await own.takeDown();
    expect([...(await one.lastSeen(BOT))]).toEqual([]);
    await one.close();
    await startAgain();
    const other = await openOther(own.url);
    expect(await other.takeOverJobs(BOT)).toEqual([]);
    await other.close();
    const back = await open(own.url);
    expect([...(await back.lastSeen(BOT))]).toEqual([['c1', '1']]);
    expect(await back.takeOverJobs(BOT)).toMatchObject([{ message: '1', runs: 1 }]);
    await back.close();
  });
});
