import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { FakeDiscord } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import type { BotOnFakes } from '../helpers/bot-on-fakes.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';
import { until } from '../helpers/until.ts';
import { left } from '../wire/left.ts';
import { afterwards, aWhile, cleanUp, stateFolder } from '../wire/running-bot.ts';

afterEach(cleanUp);

const PHOTOS = 20;

/** A bot on both chats, as a process that a test may kill. */
async function startProcess(settings: BotOnFakes): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '..', 'helpers', 'bot-on-fakes.ts');
  const child = spawn(process.execPath, [RUNS_SOURCE, program, JSON.stringify(settings)]);
  afterwards(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await until(() => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('connected\n');
  }, 'the bot being connected');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('killed with twenty photos under way on each chat, twice, the bot answers each of them once', async () => {
  const [discord, slack] = await Promise.all([FakeDiscord.start(), FakeSlack.start()]);
  afterwards(() => Promise.all([discord.close(), slack.close()]));
  const state = stateFolder();
  const settings: BotOnFakes = {
    directory: state,
    environment: {
      DISCORD_TOKEN: discord.token,
      SLACK_BOT_TOKEN: slack.token,
      SLACK_APP_TOKEN: slack.appToken,
      PERSON_PHOTOS_PER_MINUTE: '0',
      CHANNEL_PHOTOS_PER_MINUTE: '0',
    },
    internal: {
      discordApi: `${discord.origin}/api`,
      slackApi: `${slack.origin}/api/`,
      fileOrigins: [discord.origin, slack.origin, slack.filesOrigin],
    },
    milliseconds: 60,
  };
  const first = await startProcess(settings);
  const photo = await plainPicture(64, 48);
  const onDiscord = Array.from({ length: PHOTOS }, () => discord.post({ files: [discord.file(photo)] }));
  const onSlack = Array.from({ length: PHOTOS }, () => slack.post({ files: [slack.file(photo)] }));
  const said = () => discord.said().length + slack.answers().length;
  await until(() => slack.acks.length >= PHOTOS && said() >= 3, 'the first answers');
  await killed(first);
  const afterFirst = said();
  expect(afterFirst).toBeLessThan(2 * PHOTOS);
  const second = await startProcess(settings);
  await until(() => said() >= afterFirst + 3, 'answers of the second run');
  await killed(second);
  expect(said()).toBeLessThan(2 * PHOTOS);
  const third = await startProcess(settings);
  await until(() => said() >= 2 * PHOTOS, 'all answers');
  await aWhile();
  third.kill('SIGTERM');
  await once(third, 'exit');
  expect(
    discord
      .said()
      .map(({ reference }) => reference?.message_id)
      .sort(),
  ).toEqual(onDiscord.map(({ id }) => id).sort());
  expect(
    slack
      .answers()
      .map((answer) => answer.thread_ts)
      .sort(),
  ).toEqual(onSlack.map(({ ts }) => ts).sort());
  expect(await left(state, `discord ${discord.me.id}`)).toBe(0);
  expect(await left(state, 'slack T1 UBOT')).toBe(0);
  // Three starts of a bot.
}, 180_000);
