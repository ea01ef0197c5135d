// Before everything else: see slack-bot.ts.
import 'discord.js';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { user } from '../fakes/discord/payloads.ts';
import { makeSite, openSite, type Site } from '../helpers/retraining.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';
import { startOnDiscord } from './discord-bot.ts';
import { cleanUp } from './running-bot.ts';
import { startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

type Who = 'admin' | 'another admin' | 'member';
type Input = Readonly<Record<string, string | number | boolean>>;
type Training = NonNullable<Parameters<typeof startOnDiscord>[0]>['training'];

/** A platform as these tests use it: somebody types /retrain, and what the bot says there, to all or to one. */
interface Chat {
  retrain(who: Who, input: Input): void;
  said(): string[];
}

async function onDiscord(training: Training): Promise<Chat> {
  const { discord } = await startOnDiscord({ training });
  const people = { admin: user('ann'), 'another admin': user('bob'), member: user('cid') };
  return {
    retrain(who, input) {
      const permissions = who === 'member' ? (['ManageMessages'] as const) : (['ManageGuild'] as const);
      discord.command('retrain', { by: people[who], permissions, input });
    },
    // Discord takes an underscore for the start of italics: the bot writes a backslash before it.
    said: () => discord.said().map(({ content }) => content.replaceAll('\\', '')),
  };
}

async function onSlack(training: Training): Promise<Chat> {
  const { slack } = await startOnSlack({ training });
  slack.users.set('UADMIN2', { is_admin: true });
  const people = { admin: 'UADMIN', 'another admin': 'UADMIN2', member: 'U5' };
  return {
    retrain(who, { action, ...options }) {
      const named = Object.entries(options).map(([name, value]) => `${name}:${value}`);
      slack.command('/retrain', [action, ...named].join(' '), people[who], 'C1');
    },
    said: () => [...slack.said().map(({ text = '' }) => text), ...slack.responses.map(({ text }) => text)],
  };
}

/** What /retrain works with on a small data set. */
function trainingAt(site: Site) {
  const { retraining, registry } = openSite(site);
  return { retraining, registry, refresh: async () => {} };
}

const START = { action: 'start', architecture: 'tiny', batch: 7, 'learning-rate': 0.05 } as const;

describe.each([
  ['Discord', onDiscord],
  ['Slack', onSlack],
])('/retrain on %s', (_, connect) => {
  test('of two admins at once one starts and the other is told; a member changes nothing; any admin calls it off', {
    timeout: 180_000,
  }, async () => {
    const training = trainingAt(await makeSite());
    const chat = await connect(training);
    const hears = (sentence: string) => until(() => chat.said().find((text) => text.includes(sentence)), sentence);
    chat.retrain('admin', { ...START, epochs: 1000 });
    chat.retrain('another admin', { ...START, epochs: 1000 });
    await hears('The training begins');
    await hears('A training is under way already');
    expect(chat.said().filter((text) => text.includes('The training begins'))).toHaveLength(1);
    const job = (await training.retraining.status())!.job.id;
    await until(
      async () => ((await training.retraining.status())?.status.progress?.history.length ?? 0) > 0,
      'an epoch',
      60_000,
    );
    for (const action of ['cancel', 'start', 'rollback']) chat.retrain('member', { action });
    await until(() => chat.said().filter((text) => text.includes('is for admins')).length === 3, 'three refusals');
    expect((await training.retraining.status())!).toMatchObject({ job: { id: job }, status: { state: 'running' } });
    chat.retrain('another admin', { action: 'cancel' });
    await hears('Called off.');
    expect((await training.retraining.status())!).toMatchObject({ job: { id: job }, status: { state: 'cancelled' } });
  });

  test('a broken chunk is named in the channel, and the network in use stays', { timeout: 180_000 }, async () => {
    const site = await makeSite();
    const chunk = join(site.dataDirectory, 'fer2013_07.csv.gz');
    const whole = await readFile(chunk);
    await writeFile(chunk, whole.subarray(0, whole.length / 2));
    const training = trainingAt(site);
    const chat = await connect(training);
    chat.retrain('admin', { ...START, epochs: 2 });
    await until(() => chat.said().some((text) => text.includes('fer2013_07.csv.gz')), 'the chunk', 90_000);
    await training.retraining.idle();
    expect((await training.retraining.status())!.status.state).toBe('failed');
    expect(await training.registry.inUse()).toEqual({ version: 0 });
    await training.registry.verify(0);
  });

  test('a full disk is said in the channel, and the network in use stays (needs the right to mount)', {
    timeout: 180_000,
  }, async (context) => {
    const disk = await smallDisk(256 * 1024);
    if (disk === undefined) return context.skip();
    const training = trainingAt({ ...(await makeSite()), stateDirectory: disk });
    const chat = await connect(training);
    chat.retrain('admin', { ...START, epochs: 5 });
    await until(() => chat.said().some((text) => text.includes('The disk is full')), 'the full disk', 90_000);
    await training.retraining.idle();
    expect(await training.registry.inUse()).toEqual({ version: 0 });
    await training.registry.verify(0);
  });
});
