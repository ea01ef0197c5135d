import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { startWorker } from '../../src/worker.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { freePort } from '../helpers/free-port.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { afterwards, aWhile, cleanUp, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

describe.skipIf(!HAS_REDIS)('a Redis and chats that come and go', () => {
  let discord: FakeDiscord;
  let slack: FakeSlack;
  let redis: TestRedis;
  let lines: string[];

  beforeEach(async () => {
    [discord, slack, redis] = await Promise.all([
      FakeDiscord.start(),
      FakeSlack.start(),
      startRedis('--appendonly', 'yes'),
    ]);
    afterwards(() => Promise.all([discord.close(), slack.close(), redis.stop()]));
    lines = [];
  });

  const log = () => createLogger({ level: 'debug', destination: { write: (line) => lines.push(line) } });

  async function settings(more: Readonly<Record<string, string>> = {}) {
    const both = onFakes(discord, slack);
    const environment = { ...both.environment, REDIS_URL: redis.url, READ_BY: 'workers', ...more };
    return loadConfig({ directory: stateFolder(), environment, internal: both.internal });
  }

  async function bot(more: Readonly<Record<string, string>> = {}) {
    // Its own reader would never end: whatever is answered, a worker has answered.
    const started = await startBot(await settings(more), log(), () => new Promise(() => {}));
    afterwards(() => started.stop());
    return started;
  }

  async function worker(more: Readonly<Record<string, string>> = {}) {
    const started = await startWorker(await settings(more), log(), fakePhotoReader());
    afterwards(() => started.stop());
    return started;
  }

  async function missing(port: number): Promise<readonly string[]> {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    return ((await answer.json()) as { missing: string[] }).missing;
  }

  async function unanswered(port: number): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/^emotion_bot_unanswered (\d+)$/m.exec(text)?.[1]);
  }

  const answeredOnDiscord = () => discord.said().map(({ reference }) => reference?.message_id);
  const answeredOnSlack = () => slack.answers().map(({ thread_ts }) => thread_ts);

  test('a bot and a worker wait for a Redis that is away, at their start and later, and say that they are not ready; nothing is lost', async () => {
    const [botPort, workerPort] = [await freePort(), await freePort()];
    const comeBack = await redis.takeDown();
    const starting = [bot({ METRICS_PORT: String(botPort) }), worker({ METRICS_PORT: String(workerPort) })];
    await until(() => lines.some((line) => line.includes('I wait for it, and start once it answers')), 'the warning');
    for (const port of [botPort, workerPort]) {
      expect(await until(() => missing(port).catch(() => undefined), 'the figures')).toContain('redis');
    }
    await comeBack();
    await Promise.all(starting);
    expect([await missing(botPort), await missing(workerPort)]).toEqual([[], []]);
    const photo = await plainPicture(64, 48);
    const first = discord.post({ files: [discord.file(photo)] });
    await until(() => answeredOnDiscord().length === 1, 'the first answer');

    const comeBackAgain = await redis.takeDown();
    for (const port of [botPort, workerPort]) {
      await until(async () => (await missing(port)).includes('redis'), 'not being ready');
    }
    const second = discord.post({ files: [discord.file(photo)] });
    const third = slack.post({ files: [slack.file(photo)] });
    // They wait in the journal alone, which the figures show; perhaps with the first one, of which Redis could not say any more that it is done.
    await until(async () => (await unanswered(botPort)) >= 2, 'both being counted');
    await comeBackAgain();
    await until(() => answeredOnDiscord().length === 2 && answeredOnSlack().length === 1, 'the later answers', 60_000);
    for (const port of [botPort, workerPort]) {
      await until(async () => (await missing(port)).length === 0, 'being ready');
    }
    await aWhile();
    expect(answeredOnDiscord()).toEqual([first.id, second.id]);
    expect(answeredOnSlack()).toEqual([third.ts]);
    await until(async () => (await unanswered(botPort)) === 0, 'nothing being left');
  }, 90_000);

  test('a bot and a worker that are told to stop while Redis is away do not wait for it', async () => {
    const [talking, reading] = await Promise.all([bot(), worker()]);
    const photo = await plainPicture(64, 48);
    discord.post({ files: [discord.file(photo)] });
    await until(() => answeredOnDiscord().length === 1, 'the answer');
    await redis.takeDown();
    discord.post({ files: [discord.file(photo)] });
    await until(() => lines.some((line) => line.includes('the connection to Redis is lost')), 'the loss');
    const stopped = Promise.all([talking.stop(), reading.stop()]).then(() => 'stopped');
    expect(await Promise.race([stopped, delay(12_000, 'they wait')])).toBe('stopped');
  }, 30_000);

  test('a worker reads for the chat that it can reach, and for the other as soon as that can be', async () => {
    await bot();
    slack.next.set('auth.test', [{ body: { ok: false, error: 'service_unavailable' } }]);
    const { troubles } = await worker();
    expect(troubles).toEqual([
      'Slack cannot be reached (service_unavailable). Is this machine online? I try again until it can.',
    ]);
    const photo = await plainPicture(64, 48);
    slack.post({ files: [slack.file(photo)] });
    discord.post({ files: [discord.file(photo)] });
    await until(() => answeredOnDiscord().length === 1, 'the answer on Discord');
    expect(answeredOnSlack()).toEqual([]);
    await until(() => answeredOnSlack().length === 1, 'the answer on Slack');
  });

  test('a worker that no chat lets in ends with a sentence', async () => {
    await expect(worker({ DISCORD_TOKEN: 'MTAwMA.wrong.token', SLACK_BOT_TOKEN: 'xoxb-wrong' })).rejects.toMatchObject({
      code: 'bad-config',
    });
    await expect(worker({ DISCORD_TOKEN: 'qzv', SLACK_BOT_TOKEN: 'xoxb-wrong' })).rejects.toMatchObject({
      message: expect.stringContaining('DISCORD_TOKEN is no bot’s token'),
    });
  });

  test('a process has one connection for whatever is answered at once', async () => {
    const client = new Redis(redis.url);
    afterwards(() => client.disconnect());
    const others = async () => ((await client.client('LIST')) as string).trim().split('\n').length - 1;
    const started = await bot();
    expect(await others()).toBe(1);
    const photo = await plainPicture(64, 48);
    discord.post({ files: [discord.file(photo)] });
    slack.post({ files: [slack.file(photo)] });
    // One more for each account, on which BullMQ waits.
    await until(async () => (await others()) === 3, 'the connections of a bot on two chats');
    await started.stop();
    await until(async () => (await others()) === 0, 'their end');
  });
});
