import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { loadModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { readFer2013, SPLITS } from '../../src/training/data/fer2013.ts';
import { learningSets, votesFor } from '../../src/training/data/votes.ts';
import { trainingPlan } from '../../src/training/run/plan.ts';
import { train } from '../../src/training/run/trainer.ts';
import { isFromVotes, judgeNetwork, readRun } from '../../src/versions/ship.ts';
import { runScript } from '../helpers/run-script.ts';
import { csvText, temporaryFolder, tinyRows } from '../helpers/tiny-fer2013.ts';

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
    const settings = { architecture: 'tiny', epochs: 14, batchSize: 8, learningRate: 0.05 } as const;
    const plan = trainingPlan({ ...settings, augmentation: 'none', labels });
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
  const plain = await readFile(join(other, 'README.md'), 'utf8');
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
