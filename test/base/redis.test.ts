import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

test.skipIf(!HAS_REDIS)(
  'a replica that refuses writes is left for what the address leads to, but not again and again',
  async () => {
    const redis = await startRedis();
    const admin = new Redis(redis.url);
    const client = await connectRedis(redis.url, createLogger({ level: 'silent' }));
    onTestFinished(async () => {
      for (const one of [admin, client]) one.disconnect();
      await redis.stop();
    });
    const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))![1]);
    const write = async () => await client.set('key', 'value').catch((error: Error) => error.message);
    expect(await write()).toBe('OK');
    const before = await connections();

    // A port where nothing listens: a replica that looks for its primary.
    await admin.replicaof('127.0.0.1', 1);
    const since = performance.now();
    expect(await write()).toContain('READONLY');
    await until(async () => (await connections()) > before, 'a second connection');
    for (let k = 0; k < 20; k++) expect(await write()).toContain('READONLY');
    const oncePerSecond = 1 + Math.floor((performance.now() - since) / 1000);
    expect((await connections()) - before).toBeLessThanOrEqual(oncePerSecond);

    await admin.replicaof('NO', 'ONE');
    expect(await write()).toBe('OK');
  },
);
