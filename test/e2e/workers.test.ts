import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql/promise';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeDiscord, type FakeMessage } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { startMain } from '../helpers/main-process.ts';
import { type BotOnFakes, startOnBoth } from '../helpers/on-both-fakes.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { end, startOnFakes } from '../helpers/processes-on-fakes.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { afterwards, aWhile, cleanUp, stateFolder } from '../wire/running-bot.ts';

afterEach(cleanUp);

const PHOTOS = 15;

describe.skipIf(!HAS_REDIS)('photos that workers read', () => {
  let discord: FakeDiscord;
  let slack: FakeSlack;
  let redis: TestRedis;

  beforeEach(async () => {
    [discord, slack, redis] = await Promise.all([FakeDiscord.start(), FakeSlack.start(), startRedis()]);
    afterwards(() => Promise.all([discord.close(), slack.close(), redis.stop()]));
  });

  function settingsFor(state: string, milliseconds: number): BotOnFakes {
    const both = onFakes(discord, slack);
    return {
      directory: state,
      environment: {
        ...both.environment,
        REDIS_URL: redis.url,
        READ_BY: 'workers',
        PERSON_PHOTOS_PER_MINUTE: '0',
        CHANNEL_PHOTOS_PER_MINUTE: '0',
        LOG_LEVEL: 'warn',
      },
      internal: both.internal,
      milliseconds,
    };
  }

  /** Whether a running bot owes nothing any more. */
  async function owesNothing(state: string): Promise<boolean> {
    const database = new Database(join(state, 'state', 'journal.db'), {});
    const [row] = (await (await database.prepare('SELECT COUNT(*) AS jobs FROM jobs')).all()) as { jobs: number }[];
    database.close();
    return row?.jobs === 0;
  }

  const onDiscord = () => discord.said().map(({ reference }) => reference?.message_id);
  const onSlack = () => slack.answers().map((answer) => answer.thread_ts);

  test('`npm run worker` says what it lacks, and what .env sets in vain', async () => {
    const state = stateFolder();
    await writeFile(join(state, '.env'), 'REDIS_ULR=redis://127.0.0.1:6379/0\n');
    const worker = join(import.meta.dirname, '..', '..', 'src', 'worker-main.ts');
    const without = startMain(state, { DISCORD_TOKEN: discord.token }, [], [worker]);
    expect(await without.exitCode()).toBe(2);
    expect(without.output.stderr).toContain('REDIS_URL is missing');
    expect(without.output.stderr).toMatch(/"setting":"REDIS_ULR","meant":"REDIS_URL".*misspelt/);
  });

  test('each is answered once by two bots with one token, though a worker and a bot are killed and Redis loses everything', async () => {
    const state = stateFolder();
    const settings = settingsFor(state, 40);
    // Its own reader would never end: whatever is answered, a worker has answered.
    const otherState = stateFolder();
    // Those that are not killed are in this process, which has loaded already what a process of their own would load.
    const here = async (program: 'bot' | 'worker', more: Partial<BotOnFakes>) => {
      const running = await startOnBoth(program, { ...settings, ...more });
      afterwards(() => running.stop());
    };
    const [bot, , first] = await Promise.all([
      startOnFakes('bot', { ...settings, milliseconds: 1_000_000 }),
      here('bot', { directory: otherState, milliseconds: 1_000_000 }),
      startOnFakes('worker', { ...settings, milliseconds: 400 }),
    ]);
    const photo = await plainPicture(64, 48);
    const thread = discord.openThread(discord.general);
    const messages: FakeMessage[] = Array.from({ length: PHOTOS }, (_, k) =>
      discord.post({ files: [discord.file(photo)], ...(k % 3 === 0 && { channel: thread }) }),
    );
    const posts = Array.from({ length: PHOTOS }, () => slack.post({ files: [slack.file(photo)] }));
    await until(() => onDiscord().length + onSlack().length >= 3, 'the first answers');
    await end(first, 'SIGKILL');
    expect(onDiscord().length + onSlack().length).toBeLessThan(2 * PHOTOS);
    await redis.restart();
    await here('worker', {});
    await until(() => onDiscord().length + onSlack().length >= PHOTOS, 'answers of the second worker');
    await end(bot, 'SIGKILL');
    await here('bot', { milliseconds: 1_000_000 });
    await until(() => onDiscord().length >= PHOTOS && onSlack().length >= PHOTOS, 'all answers');
    await until(async () => (await owesNothing(state)) && (await owesNothing(otherState)), 'empty journals');
    await aWhile();
    // All of them end without another word.
    await cleanUp();
    expect(onDiscord().sort()).toEqual(messages.map(({ id }) => id).sort());
    expect(onSlack().sort()).toEqual(posts.map(({ ts }) => ts).sort());
  }, 180_000);
});
