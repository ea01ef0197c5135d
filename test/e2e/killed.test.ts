import { afterEach, expect, test } from 'vitest';
import { FakeDiscord } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { type BotOnFakes, startOnBoth } from '../helpers/on-both-fakes.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { end, startOnFakes } from '../helpers/processes-on-fakes.ts';
import { until } from '../helpers/until.ts';
import { left } from '../wire/left.ts';
import { afterwards, aWhile, cleanUp, stateFolder } from '../wire/running-bot.ts';

afterEach(cleanUp);

const PHOTOS = 20;

test('killed with twenty photos under way on each chat, twice, the bot answers each of them once', async () => {
  const [discord, slack] = await Promise.all([FakeDiscord.start(), FakeSlack.start()]);
  afterwards(() => Promise.all([discord.close(), slack.close()]));
  const state = stateFolder();
  const both = onFakes(discord, slack);
  const settings: BotOnFakes = {
    directory: state,
    environment: {
      ...both.environment,
      PERSON_PHOTOS_PER_MINUTE: '0',
      CHANNEL_PHOTOS_PER_MINUTE: '0',
      LOG_LEVEL: 'warn',
    },
    internal: both.internal,
    milliseconds: 60,
  };
  const first = await startOnFakes('bot', settings);
  const photo = await plainPicture(64, 48);
  const onDiscord = Array.from({ length: PHOTOS }, () => discord.post({ files: [discord.file(photo)] }));
  const onSlack = Array.from({ length: PHOTOS }, () => slack.post({ files: [slack.file(photo)] }));
  const said = () => discord.said().length + slack.answers().length;
  await until(() => slack.acks.length >= PHOTOS && said() >= 3, 'the first answers');
  await end(first, 'SIGKILL');
  const afterFirst = said();
  expect(afterFirst).toBeLessThan(2 * PHOTOS);
  const second = await startOnFakes('bot', settings);
  await until(() => said() >= afterFirst + 3, 'answers of the second run');
  await end(second, 'SIGKILL');
  expect(said()).toBeLessThan(2 * PHOTOS);
  // This one is not killed, so it may be in this process, which has loaded already what it needs.
  const third = await startOnBoth('bot', settings);
  afterwards(() => third.stop());
  await until(() => said() >= 2 * PHOTOS, 'all answers');
  await aWhile();
  await third.stop();
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
  // Two starts of a process.
}, 180_000);
