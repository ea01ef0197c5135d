import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { PhotoServices } from '../../../commands/emotions.ts';
import { createLogger } from '../../../src/base/log.ts';
import { type Bot, startBot } from '../../../src/bot.ts';
import { loadConfig } from '../../../src/config.ts';
import { fakePhotoReader, plainPicture } from '../../fakes/photo.ts';
import { until } from '../../helpers/until.ts';

let bot: Bot | undefined;
afterEach(() => bot?.stop());

/** Starts a bot, and asks its API for an annotated picture of so many bytes, which is read once `finish` was called. */
async function askFor(bytes: number) {
  let finish!: () => void;
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let hasBegun = false;
  const readPhoto: PhotoServices['readPhoto'] = async (photo, signal) => {
    hasBegun = true;
    await held;
    const read = await fakePhotoReader()(photo, signal);
    return { ...read, picture: { bytes: new Uint8Array(bytes), mime: 'image/webp', altText: 'two people' } };
  };
  const environment = { LOCAL_PORT: '0', SHUTDOWN_SECONDS: '2' };
  bot = await startBot(
    loadConfig({ environment, directory: import.meta.dirname }),
    createLogger({ level: 'silent' }),
    readPhoto,
  );
  const address = new URL(/http:\S+/.exec(bot.addresses[0]!)![0]);
  const asked = fetch(new URL('/api/read', address), {
    method: 'POST',
    headers: { authorization: `Bearer ${address.searchParams.get('key')}`, accept: 'image/*' },
    body: Buffer.from(await plainPicture(64, 48)),
  });
  await until(() => hasBegun);
  return { bot, asked, finish, address };
}

test('a bot that stops sends a program all of its answer', async () => {
  const size = 16 * 1024 * 1024;
  const { bot, asked, finish } = await askFor(size);
  const stopped = bot.stop();
  finish();
  expect((await (await asked).arrayBuffer()).byteLength).toBe(size);
  await stopped;
});

test('a bot that stops does not wait for a program that asked twice over one connection and left', async () => {
  const { bot, asked, finish, address } = await askFor(100);
  const key = address.searchParams.get('key');
  const head = `POST /api/read HTTP/1.1\r\nHost: ${address.host}\r\nAuthorization: Bearer ${key}\r\nContent-Length: 1\r\n\r\nx`;
  const program = connect(Number(address.port), '127.0.0.1').on('error', () => {});
  program.write(head + head);
  await delay(300);
  program.destroy();
  finish();
  await (await asked).arrayBuffer();
  const began = performance.now();
  await bot.stop();
  expect(performance.now() - began).toBeLessThan(1500);
});

test('a bot that stops waits no longer than its time for a program that does not take its answer', async () => {
  const { bot, asked, finish } = await askFor(16 * 1024 * 1024);
  finish();
  const answer = await asked;
  const began = performance.now();
  await bot.stop();
  expect(performance.now() - began).toBeLessThan(6000);
  await expect(answer.arrayBuffer()).rejects.toThrow();
});
