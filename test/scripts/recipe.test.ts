import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { recipeOf } from '../../scripts/recipe.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { loadModel, saveModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { commandOf, trainingPlan } from '../../src/training/run/plan.ts';
import { buildReport, writeReport } from '../../src/versions/training-report.ts';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

const MODEL = join(import.meta.dirname, '..', '..', 'model');

/** Commands in the order in which each goes on from the one before. */
const FIRST = 'npm run train -- --architecture tiny --epochs 1 --batch 7 --learning-rate 0.02 --seed 3';
const SECOND = 'npm run train -- --architecture tiny --epochs 2 --batch 7 --seed 4 --labels votes --from model/fer2013';
const THIRD = 'npm run train -- --architecture tiny --epochs 1 --batch 14 --seed 5 --from model';
const words = (command: string) => command.split(' -- ')[1]!.split(' ');

async function saveMade(directory: string, labels: 'votes' | 'fer2013' | undefined, ...commands: string[]) {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const [command, ...before] = commands.reverse();
  const trained = { command, labels, ...(before.length > 0 && { origin: before.reverse() }) };
  await saveModel(directory, { network, weights: initialWeights(network, 1), metadata: { trained } });
}

/** Writes the report of a network that was trained by a command. */
async function writeTinyReport(model: string, architecture: string, command: string) {
  const epochs = [{ loss: 1, accuracy: 0.5, valLoss: 1, valAccuracy: 0.5 }];
  const told = { architecture, parameters: 1, command, seed: 3, epochs };
  const confusion = Array.from({ length: 7 }, (_, k) => Array.from({ length: 7 }, (_, c) => (k === c ? 1 : 0)));
  await writeReport(join(model, 'reports'), buildReport(told, { images: 7, accuracy: 1, confusion }));
}

test('a recipe begins at the last of its networks that ships, and each training continues from the one before', async () => {
  const model = join(await temporaryFolder(), 'model');
  await saveMade(model, 'votes', FIRST, SECOND, THIRD);
  await saveMade(join(model, 'fer2013'), undefined, FIRST);
  const votes = [
    { words: words(SECOND), from: relative(process.cwd(), join(model, 'fer2013')), output: join('out', 'step-1') },
    { words: words(THIRD), from: join('out', 'step-1', 'best'), output: 'out' },
  ];
  expect(await recipeOf(model, undefined, 'out')).toEqual(votes);
  expect(await recipeOf(model, 'both', 'out')).toEqual(votes);
  const labels = [{ words: words(FIRST), from: undefined, output: join('training', 'tiny') }];
  expect(await recipeOf(model, 'fer2013', undefined)).toEqual(labels);
  expect(await recipeOf(join(model, 'fer2013'), undefined, undefined)).toEqual(labels);
});

test('a network whose teacher lies in a folder with spaces is trained by it again', async () => {
  const folder = join(await temporaryFolder(), "Anna's nets");
  const [model, teacher] = [join(folder, 'model'), join(folder, 'old -- tiny', 'best')];
  await saveMade(teacher, undefined);
  const plan = trainingPlan({ architecture: 'tiny', teacher: { folders: [teacher], weight: 0.5 } });
  await saveMade(model, undefined, commandOf(plan));
  const [step] = await recipeOf(model, undefined, 'out');
  expect(step!.words.slice(-4)).toEqual(['--teacher', teacher, '--teacher-weight', '0.5']);
});

test('a teacher that was trained in several steps is made in as many; the starting network of a training can be its teacher too', async () => {
  const [model, training] = [join(await temporaryFolder(), 'model'), await temporaryFolder()];
  const teacher = join(training, 'tiny', 'best');
  const last = `${THIRD} --teacher model --teacher ${teacher} --teacher-weight 0.5`;
  await saveMade(model, 'votes', SECOND, last);
  const epochs = [{ loss: 1, accuracy: 0.5, valLoss: 1, valAccuracy: 0.5 }];
  const told = { architecture: 'tiny', parameters: 1, command: THIRD, origin: [FIRST], seed: 3, epochs };
  const confusion = Array.from({ length: 7 }, (_, k) => Array.from({ length: 7 }, (_, c) => (k === c ? 1 : 0)));
  await writeReport(join(model, 'reports'), buildReport(told, { images: 7, accuracy: 1, confusion }));
  const own = join(training, 'tiny');
  const start = join('out', 'step-1', 'best');
  expect(await recipeOf(model, 'votes', 'out')).toEqual([
    { words: words(FIRST), from: undefined, output: join(own, 'step-1') },
    { words: words(THIRD), from: join(own, 'step-1', 'best'), output: own },
    { words: words(SECOND), from: undefined, output: join('out', 'step-1') },
    { words: words(last.replace('--teacher model', `--teacher ${start}`)), from: start, output: 'out' },
  ]);
});

test('a recipe that begins with face-api’s recognition begins there again', async () => {
  const model = join(await temporaryFolder(), 'model');
  const first = 'npm run train -- --architecture tiny --epochs 1 --seed 3 --from face-api';
  await saveMade(model, 'votes', first, THIRD);
  expect(await recipeOf(model, 'votes', 'out')).toEqual([
    { words: words(first), from: undefined, output: join('out', 'step-1') },
    { words: words(THIRD), from: join('out', 'step-1', 'best'), output: 'out' },
  ]);
});

test('a teacher that is not there is trained first, by what its report says; without one it is named', async () => {
  const [model, training] = [join(await temporaryFolder(), 'model'), await temporaryFolder()];
  const teacher = join(training, 'tiny', 'best');
  await saveMade(model, 'fer2013', `${FIRST} --teacher ${teacher} --teacher-weight 0.4`);
  await expect(recipeOf(model, undefined, 'out')).rejects.toThrow(
    `learns from the network in ${teacher}, which is not`,
  );
  const epochs = [{ loss: 1, accuracy: 0.5, valLoss: 1, valAccuracy: 0.5 }];
  const told = { architecture: 'tiny', parameters: 1, command: FIRST, seed: 3, epochs };
  const confusion = Array.from({ length: 7 }, (_, k) => Array.from({ length: 7 }, (_, c) => (k === c ? 1 : 0)));
  await writeReport(join(model, 'reports'), buildReport(told, { images: 7, accuracy: 1, confusion }));
  const steps = await recipeOf(model, undefined, 'out');
  expect(steps.map(({ output }) => output)).toEqual([join(training, 'tiny'), 'out']);
  expect(steps[0]!.words).toEqual(words(FIRST));
  await saveMade(teacher, undefined, FIRST);
  expect(await recipeOf(model, undefined, 'out')).toHaveLength(1);
});

test('a teacher whose patience ended its training is not trained again', { timeout: 60_000 }, async () => {
  const [data, folder] = [await temporaryFolder(), await temporaryFolder()];
  const [model, output] = [join(folder, 'model'), join(folder, 'tiny')];
  await writeTinyFer2013(data, tinyRows(2, ['Training', 'PublicTest']), { chunks: 1 });
  const command =
    'npm run train -- --architecture tiny --epochs 9 --batch 7 --learning-rate 1e-9 --seed 1 --patience 1';
  expect((await runScript('train.ts', ...words(command), '--data', data, '--output', output)).stderr).not.toContain(
    '9/9',
  );
  await saveMade(model, 'fer2013', `${FIRST} --teacher ${join(output, 'best')} --teacher-weight 0.4`);
  await writeTinyReport(model, 'tiny', command);
  expect(await recipeOf(model, undefined, 'out')).toHaveLength(1);
});

test('two teachers that were each made with the other are named', async () => {
  const [model, training] = [join(await temporaryFolder(), 'model'), await temporaryFolder()];
  const teacher = (name: string) => `--teacher ${join(training, name, 'best')} --teacher-weight 0.4`;
  await saveMade(model, 'fer2013', `${FIRST} ${teacher('tiny')}`);
  await writeTinyReport(model, 'tiny', `${FIRST} ${teacher('baseline')}`);
  await writeTinyReport(model, 'baseline', `${FIRST.replace('tiny', 'baseline')} ${teacher('tiny')}`);
  await expect(recipeOf(model, undefined, 'out')).rejects.toThrow(
    `${join(training, 'tiny', 'best')} was made with itself`,
  );
});

test('a network that does not say how it was made is no recipe', async () => {
  const model = join(await temporaryFolder(), 'model');
  const network = unroll(ARCHITECTURES.get('tiny')!);
  await saveModel(model, { network, weights: initialWeights(network, 1) });
  await expect(recipeOf(model, undefined, undefined)).rejects.toThrow('does not say how it was trained');
  await mkdir(join(model, 'empty'));
  await expect(recipeOf(join(model, 'empty'), undefined, undefined)).rejects.toMatchObject({ code: 'bad-model' });
});

test('npm run train makes the networks that ship by the commands that made them', async () => {
  for (const [labels, folder] of [
    [undefined, MODEL],
    ['fer2013', join(MODEL, 'fer2013')],
  ] as const) {
    const { metadata } = await loadModel(folder);
    const { command } = metadata.trained as { command: string };
    const last = (await recipeOf(MODEL, labels, undefined)).at(-1)!;
    expect(last.words).toEqual(words(command));
    expect(last.output).toBe(join('training', last.words[last.words.indexOf('--architecture') + 1]!));
  }
});

test('--like trains as the network was trained, to the same weights; settings that are given change the last training', {
  timeout: 180_000,
}, async () => {
  const [data, runs] = [await temporaryFolder(), await temporaryFolder()];
  const model = join(runs, 'model');
  await writeTinyFer2013(data, tinyRows(3, ['Training', 'PublicTest']));
  await saveMade(model, 'fer2013', FIRST, THIRD);
  const train = (...args: string[]) => runScript('train.ts', '--data', data, '--threads', '1', ...args);
  const liked = await train('--like', model, '--output', join(runs, 'liked'));
  expect(liked.stderr).toContain(`Training 2 of 2, in ${join(runs, 'liked')}: npm run train -- --architecture tiny`);
  expect(liked.code).toBe(0);
  expect((await train(...words(FIRST), '--output', join(runs, 'first'))).code).toBe(0);
  const from = ['--from', join(runs, 'first', 'best')];
  expect((await train(...words(THIRD), ...from, '--output', join(runs, 'third'))).code).toBe(0);
  const [made, again] = await Promise.all(['liked', 'third'].map((name) => loadModel(join(runs, name, 'best'))));
  expect(made!.sha256).toBe(again!.sha256);
  expect(made!.metadata.trained).toMatchObject({ origin: [FIRST] });

  const twice = await train('--like', model, '--output', join(runs, 'liked'));
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('has a training run already')]);
  const more = await train('--like', model, '--output', join(runs, 'liked'), '--fresh', '--seed', '9');
  expect(more.code).toBe(0);
  const { metadata } = await loadModel(join(runs, 'liked', 'best'));
  expect(metadata.trained).toMatchObject({ seed: 9, origin: [FIRST] });

  const both = await train('--like', model, '--architecture', 'tiny');
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('give one of them')]);
});
