import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { Opinions } from '../../src/settings/opinions.ts';
import { RedisStore } from '../../src/settings/redis-store.ts';
import { Settings } from '../../src/settings/settings.ts';
import { freePort } from '../helpers/free-port.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';

test.skipIf(!HAS_REDIS)('an opinion whose counting Redis does, but cannot say so, is counted once', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  let cuts = 0;
  const sockets = new Set<Socket>();
  // Passes everything on, but loses the answer to the first change of the counts, and the connection with it.
  const proxy = createServer((client) => {
    const server = connect(Number(new URL(redis.url).port), '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    let isCut = false;
    client.on('data', (data: Buffer) => {
      if (cuts === 0 && data.includes('eval')) {
        cuts += 1;
        isCut = true;
      }
      server.write(data);
    });
    server.on('data', (data: Buffer) => (isCut ? client.destroy() : client.write(data)));
  });
  const port = await freePort();
  await new Promise<void>((done) => proxy.listen(port, '127.0.0.1', done));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const settings = new Settings(
    await RedisStore.connect(`redis://127.0.0.1:${port}`, createLogger({ level: 'silent' })),
  );
  onTestFinished(() => settings.close());
  const opinions = new Opinions(settings);
  const given = { number: 1, said: 'sad', meant: 'sad' } as const;
  expect(await opinions.count('slack', 'T1', 'A1', [given])).toBe(1);
  expect(cuts).toBe(1);
  expect((await opinions.counts('slack', 'T1')).sad[4]).toBe(1);
  // Two processes that count the same at the same moment are both counted.
  const other = new Opinions(settings);
  await Promise.all([opinions.count('slack', 'T1', 'A2', [given]), other.count('slack', 'T1', 'A3', [given])]);
  expect((await opinions.counts('slack', 'T1')).sad[4]).toBe(3);
});
