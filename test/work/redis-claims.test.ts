import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { RedisClaims } from '../../src/work/redis-claims.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';

describe.skipIf(!HAS_REDIS)('what several processes hear of', () => {
  test('is taken on by one of them, under a hash and for a while; by each where Redis is away', async () => {
    const redis = await startRedis();
    const startAgain: (() => Promise<void>)[] = [];
    onTestFinished(async () => {
      for (const start of startAgain) await start();
      await redis.stop();
    });
    const log = createLogger({ level: 'silent' });
    const [one, other] = [await RedisClaims.connect(redis.url, log), await RedisClaims.connect(redis.url, log)];
    const both = await Promise.all([one.claim('discord 1234567'), other.claim('discord 1234567')]);
    expect(both.sort()).toEqual([false, true]);
    expect(await one.claim('discord 1234567')).toBe(false);
    expect(await other.claim('discord 7654321')).toBe(true);
    const client = new Redis(redis.url);
    const keys = await client.keys('*');
    expect(keys).toHaveLength(2);
    expect(keys.join()).not.toContain('1234567');
    expect(await client.ttl(keys[0]!)).toBeGreaterThan(800);
    client.disconnect();
    startAgain.push(await redis.takeDown());
    expect(await one.claim('discord 1234567')).toBe(true);
    await Promise.all([one.close(), other.close()]);
  });
});
