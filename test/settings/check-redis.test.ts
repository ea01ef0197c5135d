import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { checkRedis } from '../../src/settings/check-redis.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';

/** Listens as a Redis. @param answer what it says to a command @returns its address */
async function listen(answer: (command: string) => string | undefined): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const command of data.toString().split('*').slice(1)) {
        const text = answer(command);
        if (text !== undefined) socket.write(`$${text.length}\r\n${text}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a Redis that loads its data is not waited for', async () => {
  const info = 'redis_version:7.0.0\r\nloading:1\r\nloading_eta_seconds:900\r\n';
  const address = await listen((command) => (/info/i.test(command) ? info : 'OK'));
  expect(await checkRedis(address)).toMatchObject({
    version: '7.0.0',
    problems: [{ what: 'it still loads its data' }],
  });
});

test('nothing is waited for that says nothing', async () => {
  await expect(checkRedis(await listen(() => undefined))).rejects.toThrow('timed out');
});

test.skipIf(!HAS_REDIS)('a password that is missing or wrong is said', async () => {
  const redis = await startRedis('--requirepass', 'right');
  onTestFinished(() => redis.stop());
  await expect(checkRedis(redis.url)).rejects.toThrow('NOAUTH');
  await expect(checkRedis(redis.url.replace('://', '://:wrong@'))).rejects.toThrow('WRONGPASS');
});
