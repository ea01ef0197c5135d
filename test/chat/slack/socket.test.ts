import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { SlackSocket } from '../../../src/chat/slack/socket.ts';
import { loadConfig } from '../../../src/config.ts';

afterEach(() => void vi.useRealTimers());

test('while Slack cannot be reached it is tried again after pauses that double up to half a minute', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  const log = createLogger({ level: 'silent' });
  const socket = new SlackSocket('xapp-1-fake', loadConfig({ environment: {} }), log);
  const start = vi.spyOn(socket.receiver.client, 'start').mockResolvedValue({ ok: true });
  await socket.start();
  // A connection that has lasted: the first try comes at once.
  vi.advanceTimersByTime(60_000);
  const tries: number[] = [];
  start.mockImplementation(() => {
    tries.push(Date.now());
    return Promise.reject(new Error('no network'));
  });
  socket.receiver.client.emit('disconnected');
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  const pauses = tries.slice(1).map((time, k) => time - tries[k]!);
  expect(pauses.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('a socket that opens without a word from Slack is closed after a while, and another one is opened', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  const socket = new SlackSocket('xapp-1-fake', loadConfig({ environment: {} }), createLogger({ level: 'silent' }));
  const { client } = socket.receiver;
  // As the library does: it waits for Slack's first message, or for the end of the connection, however long that takes.
  let greets = true;
  let opened = 0;
  vi.spyOn(client, 'start').mockImplementation(
    () =>
      new Promise((resolve, reject) => {
        client.once('disconnected', reject);
        client.emit('connecting');
        opened += 1;
        if (greets) resolve({ ok: true });
      }),
  );
  vi.spyOn(client, 'disconnect').mockImplementation(async () => void client.emit('disconnected'));
  await socket.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(socket.isOpen).toBe(true);
  greets = false;
  client.emit('disconnected');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened).toBeGreaterThan(2);
  greets = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(socket.isOpen).toBe(true);
});
