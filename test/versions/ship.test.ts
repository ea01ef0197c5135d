import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { SOFTNESS } from '../../src/emotion/calibration.ts';
import type { Engine } from '../../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import { loadModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { soften, standardise } from '../../src/emotion/views.ts';
import { indexesWhere, selectFaces } from '../../src/training/data/face-set.ts';
import { type Fer2013, readFer2013, SPLITS, type Split } from '../../src/training/data/fer2013.ts';
import { learningSets, votesFor } from '../../src/training/data/votes.ts';
import type { Votes } from '../../src/training/data/votes-file.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { trainingPlan } from '../../src/training/run/plan.ts';
import { train } from '../../src/training/run/trainer.ts';
import { isFromVotes, judgeNetwork, readRun, type TrainedNetwork } from '../../src/versions/ship.ts';
import { runScript } from '../helpers/run-script.ts';
import { csvText, type TinyRow, temporaryFolder, tinyRows, tinySet } from '../helpers/tiny-fer2013.ts';

/** Emotions in the order of the votes' file. */
const ORDER = ['neutral', 'happy', 'surprise', 'sad', 'angry', 'disgust', 'fear'];

/** Data where nine of ten see the label in each face, but sadness in the angry ones and nothing clear in the disgusted. */
async function votedData(): Promise<string> {
  const folder = await temporaryFolder();
  const rows = tinyRows(4, SPLITS);
  await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
  const lines = rows.map(({ split, label }, k) => {
    const name = EMOTIONS[label]!;
    const seen = name === 'angry' ? 'sad' : name;
    const seven = ORDER.map((one) => (one === seen && name !== 'disgust' ? 9 : 0));
    return `${split},${k}.png,${seven.join(',')},0,${name === 'disgust' ? 10 : 1},0`;
  });
  const header = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
  await writeFile(join(folder, 'fer2013new.csv'), [header, ...lines].join('\n'));
  return folder;
}

test('a network that learned from votes is fitted, measured and stored by them, beside another of the labels', {
  timeout: 120_000,
}, async () => {
  const directory = await votedData();
  const data = await readFer2013(directory);
  const votes = await votesFor(data, { directory });
  const engine = createOnnxEngine({ threads: 1 });
  const run = async (labels: 'votes' | 'fer2013') => {
    const output = await temporaryFolder();
    const settings = { architecture: 'tiny', epochs: 8, batchSize: 8, learningRate: 0.05 } as const;
    const from = labels === 'votes' ? 'face-api' : undefined;
    const plan = trainingPlan({ ...settings, augmentation: 'none', labels, from });
    const network = unroll(ARCHITECTURES.get('tiny')!);
    const sets = learningSets(plan, data.sets, votes);
    await train({ engine, network, plan, ...sets, directory: output, start: 'fresh', augmentationThreads: 0 });
    return output;
  };
  const [byVotes, byLabels] = [await run('votes'), await run('fer2013')];
  await expect(judgeNetwork(await readRun(byVotes), data.sets, engine)).rejects.toThrow(
    new UserError('no-data', 'This network learned from votes: it needs them to be judged by.'),
  );

  const to = join(await temporaryFolder(), 'model');
  const ship = (output: string, folder: string) => runScript('ship.ts', output, '--data', directory, '--to', folder);
  expect((await ship(byVotes, to)).stdout).toMatch(/^By votes: PublicTest \S+ %\nIn use: /);
  const other = join(to, 'fer2013');
  expect((await ship(byLabels, other)).stdout).toMatch(/^By labels: PublicTest \S+ %\nIn use: /);
  expect([await isFromVotes(to), await isFromVotes(other)]).toEqual([true, false]);

  const { metadata } = await loadModel(to);
  const { figures } = metadata as {
    figures: { privateTest: { images: number }; votes: { privateTest: { accuracy: number } } };
  };
  expect(figures.privateTest.images).toBe(28);
  // Four disgusted faces do not count, and nobody votes for anger.
  expect(figures.votes.privateTest).toMatchObject({ images: 24, recall: { angry: null, disgust: null } });
  const report = async (folder: string) => JSON.parse(await readFile(join(folder, 'reports', 'tiny.json'), 'utf8'));
  expect(await report(to)).toMatchObject({ labels: 'votes', privateTest: { images: 24 } });
  expect(await report(other)).toMatchObject({ privateTest: { images: 28 } });

  const card = await readFile(join(to, 'README.md'), 'utf8');
  expect(card).toContain('| PrivateTest, votes; agreement ');
  expect(card).toContain("| PrivateTest, FER2013's labels | 28 |");
  expect(card).toContain('## Confusion matrix, PrivateTest, by votes');
  expect(card).toContain("and what dlib's face recognition knew of faces");
  const plain = await readFile(join(other, 'README.md'), 'utf8');
  expect(plain).toContain('training split and nothing else;');
  expect(plain).toContain("| Learned from | FER2013's own labels |");
  expect(plain).toContain('| PrivateTest | 28 |');
  expect(plain).toContain('## Confusion matrix, PrivateTest\n');

  const file = join(directory, 'fer2013new.csv');
  const args = ['--data', directory, '--votes', file, '--model', to];
  const told = JSON.parse((await runScript('evaluate.ts', ...args, '--json')).stdout);
  // Nine of ten agree with eight of the other nine.
  expect(told.votes).toMatchObject({ images: 24, recall: { angry: null }, personAgreement: expect.closeTo(0.8, 6) });
  expect(told.votes.agreement).toBeCloseTo(0.9 * told.votes.accuracy, 6);
  expect(told.votes.accuracy).toBeCloseTo(figures.votes.privateTest.accuracy, 6);
  expect((await runScript('evaluate.ts', ...args)).stdout).toContain('By votes, 24 faces on which people agree: acc');
});

/** An engine whose networks say of the n-th face what `answer` says, how many inputs each of them was given, and the first of each batch. */
function answering(answer: (face: number) => readonly number[]) {
  const inputs: number[] = [];
  const shown: Float32Array[] = [];
  const engine: Engine = {
    name: 'onnx',
    device: 'none',
    async predictor() {
      const at = inputs.push(0) - 1;
      return {
        async predict(x, count) {
          const before = inputs[at]!;
          inputs[at] = before + count;
          shown.push(x.slice(0, FACE_PIXELS));
          // Each face comes as it is and mirrored.
          return Float32Array.from(Array.from({ length: count }, (_, k) => answer((before + k) >> 1)).flat());
        },
        dispose: async () => {},
      };
    },
    trainer: () => expect.fail('nothing is trained here'),
  };
  return { engine, inputs, shown };
}

/** Two-level certainty: p for one emotion, the rest shared by the others. */
const sureOf = (emotion: number, p: number) => EMOTIONS.map((_, k) => (k === emotion ? p : (1 - p) / 6));

function splitsOf(rows: readonly TinyRow[]): Fer2013['sets'] {
  const all = tinySet(rows);
  const set = (split: Split) =>
    selectFaces(
      all,
      indexesWhere(all, (k) => rows[k]!.split === split),
    );
  return { Training: set('Training'), PublicTest: set('PublicTest'), PrivateTest: set('PrivateTest') };
}

function untrained(labels: 'votes' | 'fer2013', augmentation?: 'none'): TrainedNetwork {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const plan = trainingPlan({ architecture: 'tiny', labels, ...(augmentation && { augmentation }) });
  return { network, weights: initialWeights(network, 1), plan, history: [], epoch: 1 };
}

test('a network is fitted on PublicTest without the rows that it learned from and without black pictures', async () => {
  const rows = tinyRows(1, SPLITS);
  const twin = { ...rows[0]!, split: 'PublicTest' as const };
  const black = { ...twin, face: new Uint8Array(FACE_PIXELS) };
  const { engine, inputs } = answering((face) => sureOf(face % EMOTIONS.length, 0.9));
  const { figures } = await judgeNetwork(untrained('fer2013'), splitsOf([...rows, twin, black]), engine);
  // For rare emotions, for the temperature, and then to be judged by all of PublicTest and PrivateTest; two views each.
  expect(inputs).toEqual([14, 14, 2 * (9 + 7)]);
  expect(figures.publicTest.images).toBe(9);
});

test.each([
  { augmentation: undefined, softness: SOFTNESS },
  { augmentation: 'none' as const, softness: 0 },
])('a network that learned from augmented faces is fitted, judged and stored for softened ones: %j', async (one) => {
  const sets = splitsOf(tinyRows(1, SPLITS));
  const { engine, shown } = answering((face) => sureOf(face % EMOTIONS.length, 0.9));
  const { figures } = await judgeNetwork(untrained('fer2013', one.augmentation), sets, engine);
  expect(figures.calibration.softness).toBe(one.softness);
  const view = Float32Array.from(sets.PublicTest.pixels.subarray(0, FACE_PIXELS), (gray) => gray / 255);
  soften(view, 0, one.softness);
  standardise(view, 0);
  // For rare emotions, for the temperature and to be judged.
  expect(shown.slice(0, 3)).toEqual([view, view, view]);
});

test('the threshold of a network that learned from votes aims at a higher accuracy', async () => {
  const rows = [...tinyRows(1, ['Training']), ...tinyRows(15, ['PublicTest']), ...tinyRows(1, ['PrivateTest'])];
  const counts = new Uint8Array(rows.length * 10);
  for (const [k, { label }] of rows.entries()) counts[k * 10 + label] = 10;
  const split = Uint8Array.from(rows, (row) => SPLITS.indexOf(row.split));
  const votes: Votes = { file: 'votes.csv', count: rows.length, counts, split };
  // One face in ten is read hesitantly, every other one of those wrongly; of the rest one in fifteen is wrong.
  const { engine } = answering((face) => {
    const isHesitant = face % 10 === 0;
    const isRight = isHesitant ? face % 20 === 0 : face % 15 !== 7;
    return sureOf((face + (isRight ? 0 : 1)) % EMOTIONS.length, isHesitant ? 0.4 : 0.9);
  });
  const unsureBelow = async (labels: 'votes' | 'fer2013') =>
    (await judgeNetwork(untrained(labels), splitsOf(rows), engine, votes)).figures.calibration.unsureBelow;
  expect(await unsureBelow('fer2013')).toBe(0.2);
  expect(await unsureBelow('votes')).toBeGreaterThan(0.3);
});
