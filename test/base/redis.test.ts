import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { connectRedis, waitForRedis } from '../../src/base/redis.ts';
import { REMOVALS } from '../../src/work/redis-turns.ts';
import { RedisWorker } from '../../src/work/redis-worker.ts';
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

/** A Redis, and a router before it. @param isMute whether it lets nothing through on the connection of a number, from 1 */
async function goBetween(isMute: (connection: number) => boolean = () => false) {
  const redis = await startRedis();
  /** Both ends of each connection. */
  const sockets: Socket[] = [];
  const between = createServer((near) => {
    const far = connect(Number(new URL(redis.url).port), '127.0.0.1');
    sockets.push(near, far);
    for (const one of [near, far]) one.on('error', () => {});
    if (!isMute(sockets.length / 2)) near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    between.close();
    await redis.stop();
  });
  return { url: `redis://127.0.0.1:${(between.address() as AddressInfo).port}`, sockets };
}

test.skipIf(!HAS_REDIS)('a Redis that takes connections but says nothing is waited for', async () => {
  const { url } = await goBetween((connection) => connection === 1);
  const client = await waitForRedis(url, createLogger({ level: 'silent' }), { waits: true, silentMs: 300 });
  onTestFinished(() => client.disconnect());
  expect(await client.ping()).toBe('PONG');
});

test.skipIf(!HAS_REDIS).each([{ waits: false }, { waits: true }])(
  'a connection that is silently cut is left for a new one, also where commands wait without limit ($waits)',
  async ({ waits }) => {
    const { url, sockets } = await goBetween();
    const log = createLogger({ level: 'silent' });
    const client = await connectRedis(url, log, { waits, silentMs: 300 });
    onTestFinished(() => client.disconnect());
    await client.set('key', 'value');
    for (const socket of sockets) socket.unpipe();
    const answer = client.get('key').catch(() => undefined);
    await until(() => sockets.length > 2, 'a new connection', 10_000);
    await answer;
    expect(await client.get('key')).toBe('value');
    // Silence is no fault where nothing was asked.
    const connections = sockets.length;
    await delay(700);
    expect(await client.get('key')).toBe('value');
    expect(sockets).toHaveLength(connections);
  },
);

test.skipIf(!HAS_REDIS)('a worker hears of removals again after its connection was silently cut', async () => {
  const { url, sockets } = await goBetween();
  const heard: string[] = [];
  const onRemoval = (platform: string) => void heard.push(platform);
  const worker = await RedisWorker.start(url, createLogger({ level: 'silent' }), {
    concurrency: 1,
    onRemoval,
    silentMs: 300,
  });
  onTestFinished(() => worker.close());
  for (const socket of sockets) socket.unpipe();
  const bot = await connectRedis(url, createLogger({ level: 'silent' }));
  onTestFinished(() => bot.disconnect());
  const removal = JSON.stringify({ platform: 'slack', loss: { kind: 'message', message: 'm' } });
  await until(async () => (await bot.publish(REMOVALS, removal)) > 0 && heard.length > 0, 'the removal', 5000);
  expect(heard[0]).toBe('slack');
});
