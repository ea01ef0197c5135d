// Before everything else: see slack-bot.ts.
import 'discord.js';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { LiveClassifier } from '../../src/versions/live-classifier.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { makeSite, openSite, plainCard, type Site, saveUntrained } from '../helpers/retraining.ts';
import { drawTinyFace } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';
import { type Chat, onDiscord, onPage, onSlack } from './retrain-chat.ts';
import { cleanUp } from './running-bot.ts';

afterEach(cleanUp);

/** A machine on which /retrain can train a small network on a small data set, and read faces with it. */
async function machine(more?: Parameters<typeof openSite>[1]) {
  const site = await makeSite();
  const { retraining, registry, log } = openSite(site, more);
  const live = await LiveClassifier.open(registry, log, { threads: 1 });
  onTestFinished(() => live.dispose());
  return { site, live, registry, training: { retraining, registry, refresh: () => live.refresh() } };
}

/** A copy of the site of the first chat's training: its process tells the same in each chat, so the other chats are told it again. */
let recorded: string | undefined;
afterAll(() => recorded && rm(recorded, { recursive: true }));

async function record({ stateDirectory, modelDirectory }: Site): Promise<void> {
  recorded = await mkdtemp(join(tmpdir(), 'emotion-bot-'));
  await cp(stateDirectory, join(recorded, 'state'), { recursive: true });
  await cp(modelDirectory, join(recorded, 'model'), { recursive: true });
}

function recordedTraining() {
  if (recorded === undefined) return {};
  return { child: new URL('../fakes/recorded-child.ts', import.meta.url), environment: { RECORDED: recorded } };
}

const SETTINGS = { architecture: 'tiny', epochs: 6, batch: 7, 'learning-rate': 0.05, clean: true } as const;

describe.each([
  ['Discord', onDiscord],
  ['Slack', onSlack],
  ['the page', onPage],
])('/retrain on %s', (name, connect) => {
  test('refused for others, then from the command to the swapped network', { timeout: 180_000 }, async () => {
    const { site, live, training } = await machine(recordedTraining());
    const chat = await connect({ training });
    if (name !== 'the page') {
      chat.retrain('member', { action: 'start' });
      await until(async () => (await chat.said()).some((text) => text.includes('is for admins')), 'the refusal');
      expect(await training.retraining.status()).toBeUndefined();
    }
    chat.retrain('admin', { action: 'start', ...SETTINGS });
    const hear = (words: string) =>
      until(async () => (await chat.said()).find((text) => text.includes(words)), words, 120_000);
    // By name, not by the id that a platform knows the person by.
    expect(await hear('Training tiny, started by')).toMatch(/started by (ann|you)\b/i);
    const card = await hear('is trained and in use');
    expect(card).toMatch(/PrivateTest accuracy: [\d.]+ % \(before [\d.]+ %, [+−][\d.]+ points\)/);
    expect(card).toMatch(/PrivateTest macro recall: [\d.]+ % \(before [\d.]+ %, [+−][\d.]+ points\)/);
    for (const emotion of EMOTIONS)
      expect(card).toMatch(new RegExp(`${emotion} [\\d.]+ % \\([+−][\\d.]+ points(, worse)?\\)`));
    const pictures = await until(async () => (await chat.pictures()).length === 2 && (await chat.pictures()));
    const [curves, confusion] = [...pictures].sort((a, b) => (a.name > b.name ? -1 : 1));
    expect(curves).toMatchObject({ name: 'version-1-curves.png', altText: expect.stringMatching(/^Learning curves/) });
    expect(confusion).toMatchObject({
      name: 'version-1-confusion.png',
      altText: expect.stringMatching(/^Confusion matrix.*angry [\d.]+ %/),
    });
    for (const { bytes } of pictures) expect((await sharp(bytes).metadata()).format).toBe('png');
    await hear('Finished: version 1, put in use.');
    await training.retraining.idle();
    if (recorded === undefined) await record(site);
    await live.refresh();
    expect(live.installed.version).toBe(1);
    chat.retrain('admin', { action: 'versions' });
    expect(await hear('Version 0: shipped with the bot')).toMatch(/in use before\nVersion 1: tiny, .*, in use$/);
    chat.retrain('admin', { action: 'rollback' });
    await hear('Version 0 is in use again.');
    expect(live.installed.version).toBe(0);
  });

  test('promote and rollback while photos are being read: every photo is answered', { timeout: 180_000 }, async () => {
    const { live, registry, training } = await machine();
    for (const seed of [1, 2]) await registry.store(plainCard(`job-${seed}`), (aside) => saveUntrained(aside, seed));
    const faces = EMOTIONS.map((_, label) => drawTinyFace(label, label));
    const draw = fakePhotoReader();
    /** The networks that photos were read with, by what they make of the first face. */
    const networks = new Set<number>();
    const readPhoto: typeof draw = async (bytes, signal) => {
      const readings = await live.classify(faces);
      networks.add(readings[0]!.confidence);
      return { ...(await draw(bytes, signal)), faces: readings };
    };
    const chat = await connect({ training, readPhoto });
    const photo = await plainPicture(64, 48);
    let swapped = false;
    let posted = 0;
    const posting = (async () => {
      while (!swapped) {
        // As many as are read and wait without anybody being told to come back.
        for (let k = 0; k < 3; k++) await chat.post(photo);
        posted += 3;
        await until(async () => (await answered(chat)) >= posted, `answer ${posted}`);
      }
    })();
    for (const [input, answer] of STEPS) {
      const before = posted;
      await until(() => posted > before, 'photos between');
      chat.retrain('admin', input);
      await until(async () => (await chat.said()).includes(answer), answer);
    }
    swapped = true;
    await posting;
    expect(await answered(chat)).toBe(posted);
    expect(await chat.pictures()).toHaveLength(posted);
    expect(await failures(chat)).toEqual([]);
    expect(networks.size).toBe(3);
    expect(live.installed.version).toBe(0);
  });
});

test.each([
  ['Discord', onDiscord],
  ['Slack', onSlack],
])(
  '/retrain on %s posts the result as text where the bot may post no files',
  { timeout: 180_000 },
  async (_, connect) => {
    const { training } = await machine(recordedTraining());
    const chat = await connect({ training, where: 'without files' });
    chat.retrain('admin', { action: 'start', ...SETTINGS });
    const said = async () => (await chat.said()).find((text) => text.includes('Version 1 (tiny) is trained'));
    const card = await until(said, 'the result', 120_000);
    expect(card).toContain('PrivateTest accuracy:');
    expect(card).toContain('Its pictures could not be posted here; they lie in versions/1/reports of MODEL_DIR.');
  },
);

const STEPS = [
  [{ action: 'promote', version: 1 }, 'Version 1 is in use. /retrain rollback takes that back.'],
  [{ action: 'promote', version: 2 }, 'Version 2 is in use. /retrain rollback takes that back.'],
  [{ action: 'rollback' }, 'Version 1 is in use again.'],
  [{ action: 'promote', version: 0 }, 'Version 0 is in use. /retrain rollback takes that back.'],
] as const;

async function answered(chat: Pick<Chat, 'said'>): Promise<number> {
  return (await chat.said()).filter((text) => text.includes('7 people')).length;
}

/** What it says that is neither of a photo with seven people nor of versions. */
async function failures(chat: Pick<Chat, 'said'>): Promise<string[]> {
  return (await chat.said()).filter((text) => !/7 people|^Version \d is in use|^Remove this answer$/.test(text));
}
