import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { shareRedis } from '../../src/base/redis.ts';
import { openSettings } from '../../src/settings/open-settings.ts';
import { RedisStore } from '../../src/settings/redis-store.ts';
import { Settings } from '../../src/settings/settings.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';

const log = createLogger({ level: 'silent' });

const started: TestRedis[] = [];
afterEach(() => Promise.all(started.splice(0).map((redis) => redis.stop())));

async function redisWith(...args: string[]): Promise<TestRedis> {
  const redis = await startRedis(...args);
  started.push(redis);
  return redis;
}

describe.skipIf(!HAS_REDIS)('Redis', () => {
  test('that has no memory left refuses with a sentence and keeps what it has', async () => {
    const redis = await redisWith('--maxmemory', '1', '--maxmemory-policy', 'noeviction');
    const store = await RedisStore.connect(redis.url, log);
    await expect(store.set('a', 'b')).rejects.toMatchObject({ name: 'UserError', code: 'no-space' });
    expect(await store.get('a')).toBeUndefined();
    await store.close();
  });

  test('that goes away makes a sentence, and is used again when it is back', async () => {
    const redis = await redisWith();
    const lines: string[] = [];
    const warnings = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } });
    const store = await RedisStore.connect(redis.url, warnings);
    await store.set('a', 'b');
    const settings = new Settings(store);
    expect(await settings.isReachable()).toBe(true);
    await redis.stop();
    started.splice(0);
    await expect(store.get('a')).rejects.toMatchObject({ name: 'UserError', code: 'busy' });
    expect(await settings.isReachable()).toBe(false);
    expect(lines.join('')).toContain('the connection to Redis is lost');
    await store.close();

    const back = await redisWith();
    // Another part of the process is connected already, when Redis goes away for a moment.
    const other = await shareRedis(back.url, log);
    const comeBack = await back.takeDown();
    const again = await RedisStore.connect(back.url, log);
    other.release();
    await comeBack();
    await expect.poll(async () => again.get('a').catch(() => 'not yet'), { timeout: 10_000 }).toBeUndefined();
    await again.set('a', 'c');
    expect(await again.get('a')).toBe('c');
    await again.close();
  });

  test('that is emptied under a running bot is noticed: nobody is read, nothing is called done, and she who opted out does not come back unnoticed', async () => {
    const redis = await redisWith();
    const open = () => openSettings({ redisUrl: redis.url, stateDirectory: '/nonexistent' }, log);
    const settings = await open();
    await settings.setOptedOut('p', 'ann', true);
    const unasked = await open();
    await redis.empty();
    const lost = { code: 'busy', message: expect.stringContaining('was emptied or replaced') };
    await expect(settings.setOptedOut('p', 'ben', true)).rejects.toMatchObject(lost);
    await expect(settings.hasOptedOut('p', 'ann')).rejects.toMatchObject(lost);
    await expect(settings.channelMode('p', 'c')).rejects.toMatchObject(lost);
    // Nobody had asked this one for anything before.
    await expect(unasked.hasOptedOut('p', 'ann')).rejects.toMatchObject(lost);
    // A new Redis begins empty; the first store does not adopt its key.
    const anew = await open();
    await anew.setOptedOut('p', 'cem', true);
    expect(await anew.hasOptedOut('p', 'cem')).toBe(true);
    await expect(settings.setOptedOut('p', 'ann', true)).rejects.toMatchObject(lost);
    await Promise.all([settings, anew, unasked].map((one) => one.close()));
  });

  test('that is only a replica at the moment refuses with a sentence', async () => {
    const redis = await redisWith('--replicaof', '127.0.0.1 1');
    const settings = await openSettings({ redisUrl: redis.url, stateDirectory: '/nonexistent' }, log);
    const refusal = { code: 'busy', message: expect.stringContaining('I could not save that') };
    await expect(settings.setOptedOut('p', 'ann', true)).rejects.toMatchObject(refusal);
    await settings.close();
  });

  test('is left for another server that takes over its address while the connection lasts', async () => {
    const [first, second] = [await redisWith(), await redisWith()];
    let { port } = new URL(first.url);
    const address = connectTo(() => Number(port)).listen(0, '127.0.0.1');
    await once(address, 'listening');
    const store = await RedisStore.connect(`redis://127.0.0.1:${(address.address() as AddressInfo).port}`, log);
    await store.set('a', 'b');
    port = new URL(second.url).port;
    const admin = new Redis(first.url);
    await admin.replicaof('127.0.0.1', 1);
    admin.disconnect();
    await expect(store.set('a', 'c')).rejects.toMatchObject({ name: 'UserError', code: 'busy' });
    await expect.poll(() => store.set('a', 'c').catch(() => 'not yet'), { timeout: 10_000 }).toBeUndefined();
    expect(await store.get('a')).toBe('c');
    await store.close();
    address.close();
  });

  test('that throws entries away when its memory is full is warned of', async () => {
    const redis = await redisWith('--maxmemory', '10mb', '--maxmemory-policy', 'allkeys-lru');
    const lines: string[] = [];
    const warnings = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } });
    await (await RedisStore.connect(redis.url, warnings)).close();
    expect(lines.join('')).toContain('noeviction');
  });

  test('that wants a password gets the one of the address, and its lack is said at the start', async () => {
    const redis = await redisWith('--requirepass', 'open sesame');
    const url = redis.url.replace('//', '//:open%20sesame@');
    const settings = await openSettings({ redisUrl: url, stateDirectory: '/nonexistent' }, log);
    await settings.setOptedOut('p', '1', true);
    expect(await settings.hasOptedOut('p', '1')).toBe(true);
    await settings.close();
    const attempt = openSettings({ redisUrl: redis.url, stateDirectory: '/nonexistent' }, log);
    await expect(attempt).rejects.toThrow(/^Redis at REDIS_URL cannot be used: NOAUTH/);
  });
});

/** An address that leads each new connection to a port of this machine. */
function connectTo(port: () => number): Server {
  return createTcpServer((client) => {
    const server = connect(port(), '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const [end, other] of [
      [client, server],
      [server, client],
    ] as const)
      end.on('error', () => other.destroy());
  });
}

test('an address where something else answers ends the start with a sentence', async () => {
  const server = createServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const attempt = openSettings({ redisUrl: `redis://127.0.0.1:${port}`, stateDirectory: '/nonexistent' }, log);
  await expect(attempt).rejects.toMatchObject({ code: 'bad-config' });
  await expect(attempt).rejects.toThrow(/^Redis at REDIS_URL cannot be used: /);
  server.closeAllConnections();
  server.close();
});
