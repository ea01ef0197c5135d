// Before everything else: see slack-bot.ts.
import 'discord.js';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RetrainingFiles } from '../../src/retraining/files.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { makeSite, plainCard, saveUntrained, tinyTraining } from '../helpers/retraining.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';
import { startOnDiscord } from './discord-bot.ts';
import { type Chat, onDiscord, onSlack, trainingAt } from './retrain-chat.ts';
import { afterwards, cleanUp, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

const START = { action: 'start', architecture: 'tiny', batch: 7, 'learning-rate': 0.05 } as const;

/** Waits for a sentence. */
async function hear(chat: Chat, sentence: string): Promise<string> {
  return await until(async () => (await chat.said()).find((text) => text.includes(sentence)), sentence, 90_000);
}

test('a network in use that cannot be loaded is reported where the last training’s result was posted', async () => {
  const site = await makeSite();
  const training = trainingAt(site);
  const { registry } = training;
  await registry.store(plainCard('last'), (aside) => saveUntrained(aside, 1));
  await registry.promote(1);
  const state = stateFolder();
  const discord = await FakeDiscord.start();
  afterwards(() => discord.close());
  const { plan: _, name: __, ...rest } = tinyTraining(1, { platform: 'discord', channel: discord.general.id });
  await new RetrainingFiles(join(state, 'state')).writeJob({ ...rest, id: 'last', plan: {} });
  await startOnDiscord({
    discord,
    state,
    training: { ...training, reading: async () => ({ version: 0, refused: 1 }) },
  });
  await until(() => discord.said().some(({ content }) => content.startsWith('Version 1 cannot be loaded')), 'the word');
});

describe.each([
  ['Discord', onDiscord],
  ['Slack', onSlack],
])('/retrain on %s', (_, connect) => {
  test('of two admins at once one starts and the other is told; a member changes nothing; its message deleted, nobody tries to edit it; any admin calls it off', {
    timeout: 180_000,
  }, async () => {
    const training = trainingAt(await makeSite());
    const { retraining } = training;
    const chat = await connect({ training });
    chat.retrain('admin', { ...START, epochs: 1000, patience: 0 });
    chat.retrain('another admin', { ...START, epochs: 1000, patience: 0 });
    await hear(chat, 'The training begins');
    await hear(chat, 'A training is under way already');
    expect((await chat.said()).filter((text) => text.includes('The training begins'))).toHaveLength(1);
    const job = (await retraining.status())!.job.id;
    await hear(chat, 'Training tiny, started by');
    const epochs = async () => (await retraining.status())?.status.progress?.history.length ?? 0;
    await until(async () => (await epochs()) > 0, 'an epoch', 60_000);
    for (const action of ['cancel', 'start', 'rollback']) chat.retrain('member', { action });
    await until(
      async () => (await chat.said()).filter((text) => text.includes('is for admins')).length === 3,
      'three refusals',
    );
    expect((await retraining.status())!).toMatchObject({ job: { id: job }, status: { state: 'running' } });

    const tries = chat.remove('Training tiny, started by');
    await until(() => tries() > 0, 'an edit in vain', 20_000);
    // Its process reports every half second with a new text, and each report takes one edit or more.
    const told = new Set<number>();
    await until(async () => told.add(await epochs()).size > 2, 'further epochs', 60_000);
    expect(tries()).toBe(1);
    expect((await chat.said()).filter((text) => text.includes('Training tiny'))).toEqual([]);
    chat.retrain('another admin', { action: 'cancel' });
    await hear(chat, 'Cancelled.');
    expect((await retraining.status())!).toMatchObject({ job: { id: job }, status: { state: 'cancelled' } });
  });

  test('is not begun in a channel where the bot cannot report it', { timeout: 60_000 }, async () => {
    const training = trainingAt(await makeSite());
    const chat = await connect({ training, where: 'closed' });
    chat.retrain('admin', { action: 'start' });
    chat.retrain('admin', { action: 'resume' });
    await until(
      async () => (await chat.said()).filter((text) => text.includes('I may not write in this channel')).length === 2,
      'two refusals',
    );
    expect(await training.retraining.status()).toBeUndefined();
  });

  test('a broken chunk is named in the channel, and the network in use stays', { timeout: 180_000 }, async () => {
    const site = await makeSite();
    const chunk = join(site.dataDirectory, 'fer2013_07.csv.gz');
    const whole = await readFile(chunk);
    await writeFile(chunk, whole.subarray(0, whole.length / 2));
    const { retraining, registry, ...rest } = trainingAt(site);
    const chat = await connect({ training: { retraining, registry, ...rest } });
    chat.retrain('admin', { ...START, epochs: 2 });
    await hear(chat, 'fer2013_07.csv.gz');
    await retraining.idle();
    expect((await retraining.status())!.status.state).toBe('failed');
    expect(await registry.inUse()).toEqual({ version: 0 });
    await registry.load(0);
  });

  test('a full disk is said in the channel, and the network in use stays (needs the right to mount)', {
    timeout: 180_000,
  }, async (context) => {
    const disk = await smallDisk(256 * 1024);
    if (disk === undefined) return context.skip();
    const training = trainingAt({ ...(await makeSite()), stateDirectory: disk });
    const chat = await connect({ training });
    chat.retrain('admin', { ...START, epochs: 5 });
    await hear(chat, 'The disk is full');
    await training.retraining.idle();
    expect(await training.registry.inUse()).toEqual({ version: 0 });
    await training.registry.load(0);
  });
});
