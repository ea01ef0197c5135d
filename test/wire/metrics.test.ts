import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { afterwards, cleanUp, stateFolder } from './running-bot.ts';
import { startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

const environment = { METRICS_PORT: '0' };

/** Where a bot's figures are. */
function originOf({ addresses }: { readonly addresses: readonly string[] }): string {
  return /http:\/\/127\.0\.0\.1:\d+(?=\/metrics)/.exec(addresses.join('\n'))![0];
}

async function readiness(origin: string) {
  const answer = await fetch(`${origin}/readyz`);
  return { status: answer.status, ...((await answer.json()) as { missing: string[] }) };
}

test('on Discord: what was answered and refused is counted, and no name, word or id of anybody is shown', async () => {
  const { discord, bot } = await startOnDiscord({ environment });
  const origin = originOf(bot);
  const message = discord.post({
    content: 'a look at us',
    files: [discord.file(await plainPicture(64, 48), 'us.png'), discord.file(Buffer.from('no picture'), 'odd.png')],
  });
  await answers(discord, 2);
  const shown = await until(async () => {
    const text = await (await fetch(`${origin}/metrics`)).text();
    return text.includes('emotion_bot_requests_total{platform="discord",outcome="refused"} 1') && text;
  });
  for (const line of [
    'emotion_bot_requests_total{platform="discord",outcome="answered"} 1',
    'emotion_bot_refusals_total{platform="discord",code="not-a-picture"} 1',
    'emotion_bot_step_seconds_count{step="wait"} 2',
    'emotion_bot_step_seconds_count{step="download"} 2',
    'emotion_bot_step_seconds_count{step="reply"} 1',
    'emotion_bot_queue_waiting 0',
    'emotion_bot_queue_running 0',
    'emotion_bot_training_running 0',
  ]) {
    expect.soft(shown).toContain(`${line}\n`);
  }
  expect(shown).toMatch(/^emotion_bot_downloads_total [23]$/m);
  for (const text of ['a look at us', 'us.png', message.id, discord.token]) expect(shown).not.toContain(text);
  expect(await (await fetch(`${origin}/healthz`)).json()).toMatchObject({ status: 'ok' });
  expect(await readiness(origin)).toMatchObject({ status: 200, missing: [] });
  discord.gateway.drop(4004);
  await until(async () => (await readiness(origin)).status === 503);
  expect((await readiness(origin)).missing).toEqual(['discord']);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
});

test('on Slack: it is not ready while its socket is broken', async () => {
  const { slack, bot } = await startOnSlack({ environment });
  const origin = originOf(bot);
  expect(await readiness(origin)).toMatchObject({ status: 200, parts: { slack: true, network: true, settings: true } });
  slack.delay('apps.connections.open', 300);
  for (const socket of slack.sockets) socket.terminate();
  await until(async () => (await readiness(origin)).missing.includes('slack'));
  await until(async () => (await readiness(origin)).status === 200);
  await bot.stop();
  await expect(fetch(`${origin}/readyz`)).rejects.toThrow();
});

test('what is loaded is not ready before it is there, and a port that is taken ends the start with a sentence', async () => {
  let loaded!: () => void;
  const ready = new Promise<void>((done) => {
    loaded = done;
  });
  const port = await freePort();
  const starting = startLocal({ METRICS_PORT: String(port) }, ready);
  const origin = `http://127.0.0.1:${port}`;
  const answer = await until(() => readiness(origin).catch(() => undefined));
  expect(answer).toMatchObject({ status: 503, ready: false });
  await until(async () => (await readiness(origin)).missing.join() === 'network');
  await expect(startLocal({ METRICS_PORT: String(port) })).rejects.toThrow(
    `Figures cannot be shown at port ${port} of 127.0.0.1 (EADDRINUSE). Set METRICS_PORT to another one.`,
  );
  loaded();
  await starting;
  expect(await readiness(origin)).toMatchObject({ status: 200, parts: { local: true, network: true } });
});

/** A bot on its page. */
async function startLocal(settings: Readonly<Record<string, string>>, ready?: Promise<void>): Promise<void> {
  const config = loadConfig({ environment: { LOCAL_PORT: '0', ...settings }, directory: stateFolder() });
  const log = createLogger({ level: 'silent' });
  const bot = await startBot(config, log, fakePhotoReader(), undefined, ready);
  afterwards(() => bot.stop());
}
