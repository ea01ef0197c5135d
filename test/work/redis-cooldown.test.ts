import { Redis } from 'ioredis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { RedisCooldown } from '../../src/work/redis-cooldown.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';

const log = createLogger({ level: 'silent' });

describe.skipIf(!HAS_REDIS)('bounds that processes share', () => {
  let redis: TestRedis;
  const opened: RedisCooldown[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await redis.empty();
  });

  async function process(personPerMinute: number, channelPerMinute: number): Promise<RedisCooldown> {
    const cooldown = await RedisCooldown.connect(redis.url, log, { personPerMinute, channelPerMinute });
    opened.push(cooldown);
    return cooldown;
  }

  test('a person has their photos in all processes together, and is told once when the next is read', async () => {
    const [one, other] = [await process(2, 0), await process(2, 0)];
    expect(await one.take('ann', 'c1')).toBeUndefined();
    expect(await other.take('ann', 'c2')).toBeUndefined();
    const refusal = await one.take('ann', 'c1');
    expect(refusal).toMatchObject({ who: 'person', alreadyReported: false });
    expect(refusal!.waitMs).toBeGreaterThan(15_000);
    expect(refusal!.waitMs).toBeLessThanOrEqual(30_000);
    expect(await other.take('ann', 'c3')).toMatchObject({ who: 'person', alreadyReported: true });
    expect(await one.take('ben', 'c1')).toBeUndefined();
  });

  test('a channel is bounded too, and what is refused counts for nobody', async () => {
    const one = await process(2, 1);
    expect(await one.take('ann', 'c1')).toBeUndefined();
    expect(await one.take('ben', 'c1')).toMatchObject({ who: 'channel' });
    expect(await one.take('ben', 'c2')).toBeUndefined();
    expect(await one.take('ben', 'c3')).toBeUndefined();
    expect(await one.take('ben', 'c4')).toMatchObject({ who: 'person' });
  });

  test('0 is no bound, and what is kept names nobody and expires', async () => {
    const [free, bounded] = [await process(0, 0), await process(1, 1)];
    for (let k = 0; k < 3; k++) expect(await free.take('ann', 'c1')).toBeUndefined();
    const client = new Redis(redis.url);
    expect(await client.keys('*')).toEqual([]);
    await bounded.take('ann', 'c1');
    const keys = await client.keys('*');
    expect(keys).toHaveLength(2);
    expect(keys.join()).not.toMatch(/ann|c1/);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
    client.disconnect();
  });

  test('without Redis each process counts its own', async () => {
    const own = await startRedis();
    const one = await RedisCooldown.connect(own.url, log, { personPerMinute: 1, channelPerMinute: 0 });
    await own.stop();
    expect(await one.take('ann', 'c1')).toBeUndefined();
    expect(await one.take('ann', 'c1')).toMatchObject({ who: 'person' });
    await one.close();
  });
});
