import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { loadModel } from '../../src/emotion/layers-format/layers-format.ts';
import { COVER_SCORES_FILE } from '../../src/photo/covered.ts';
import { withComparison } from '../../src/versions/model-card.ts';
import { readReport } from '../../src/versions/training-report.ts';
import { runScript, runScriptIn } from '../helpers/run-script.ts';
import { drawTinyFace, temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder with a small data set in the chunks' format. */
async function dataFolder(folder?: string): Promise<string> {
  folder ??= await temporaryFolder();
  const rows = tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']);
  // One row of PrivateTest is also a row of Training.
  await writeTinyFer2013(folder, [...rows, { ...rows[0]!, split: 'PrivateTest' }]);
  return folder;
}

const SETTINGS = ['--architecture', 'tiny', '--epochs', '2', '--batch', '7', '--learning-rate', '0.02'];
const COMMAND = `npm run train -- ${SETTINGS.join(' ')} --seed 1`;

/** A network that has been trained and put in use, and what was said meanwhile: made once, for the first test that asks. */
let first: ReturnType<typeof makeFirst> | undefined;
const made: string[] = [];
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))));

async function makeFirst() {
  const folder = await mkdtemp(join(tmpdir(), 'train-'));
  made.push(folder);
  const [data, output, model] = [await dataFolder(join(folder, 'data')), join(folder, 'output'), join(folder, 'model')];
  const trained = await runScript('train.ts', ...SETTINGS, '--data', data, '--output', output);
  const shipped = await runScript('ship.ts', output, '--data', data, '--to', model);
  return { data, output, model, trained, shipped };
}

test('a network is trained, put in use, evaluated on a split and on folders of faces', async () => {
  first ??= makeFirst();
  const { data, output, model, trained, shipped } = await first;
  expect(trained.stderr).toContain('Epoch 2/2');
  expect(trained.stdout).toMatch(/^Best epoch [12]: PublicTest accuracy \d+\.\d %/);
  expect(trained.code).toBe(0);
  // Ends with what is typed next.
  const [last] = trained.stderr.trimEnd().split('\n').slice(-1);
  expect(last).toMatch(/^To put it in use, if it is better than the network in use: npm run ship -- /);
  expect(last!.split(': ')[1]).toBe(`npm run ship -- ${output} --to model/fer2013 --data ${data}`);
  const votes = ['--labels', 'votes', '--data', data, '--output', await temporaryFolder()];
  const byVotes = await runScript('train.ts', ...SETTINGS, ...votes);
  expect(byVotes).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no fer2013new\.csv .* --labels fer2013\n$/),
  });

  expect(shipped.stderr).toBe('');
  expect(shipped.code).toBe(0);
  const report = await readReport(join(model, 'reports', 'tiny.json'));
  expect(report).toMatchObject({ architecture: 'tiny', seed: 1, privateTest: { images: 15 } });
  expect(report.command).toBe(COMMAND);
  expect(report.epochs).toHaveLength(2);
  const card = await readFile(join(model, 'README.md'), 'utf8');
  expect(card).toContain('Model card: tiny');
  expect(card).toContain(report.command);

  const split = await runScript('evaluate.ts', '--data', data, '--model', model, '--json');
  expect(split.stderr).toBe('');
  const evaluation = JSON.parse(split.stdout);
  expect(Object.keys(evaluation)).toEqual([
    'images',
    'accuracy',
    'macroRecall',
    'recall',
    'confusion',
    'withoutTrainingDuplicates',
    'confidence',
  ]);
  expect(evaluation).toMatchObject({ images: 15, withoutTrainingDuplicates: { images: 14 } });
  expect(evaluation.accuracy).toBeCloseTo(report.privateTest.accuracy, 12);
  expect(evaluation.confusion).toEqual(report.privateTest.confusion);

  // The stored figures are those that the network in use gets again.
  const { metadata } = await loadModel(model);
  expect(metadata).toMatchObject({ figures: { privateTest: { confusion: evaluation.confusion } } });

  const again = await runScript('ship.ts', output, '--data', data, '--to', model);
  expect(again.stdout).toContain('Not better');
  expect(again.code).toBe(1);

  const examples = join(output, 'examples.png');
  const told = await runScript('evaluate.ts', '--data', data, '--model', model, '--slices', '--examples', examples);
  expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('by quarter') });
  expect((await sharp(examples).metadata()).format).toBe('png');

  const faces = await facesFolder();
  const folders = await runScript('evaluate.ts', '--faces', faces, '--model', model, '--json');
  expect(JSON.parse(folders.stdout)).toMatchObject({
    images: 3,
    recall: { angry: null, fear: null, sad: null, surprise: null, neutral: null },
    withoutTrainingDuplicates: { images: 3 },
  });
  expect(folders.stderr).toContain('notes.txt');
}, 300_000);

/** A face of 'happy', a larger one of it, and one of 'disgust', with files that are none. */
async function facesFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const raw = { raw: { width: 48, height: 48, channels: 1 as const } };
  await mkdir(join(folder, 'Happy'));
  await mkdir(join(folder, 'DISGUST'));
  await mkdir(join(folder, 'joyful'));
  const happy = sharp(drawTinyFace(EMOTIONS.indexOf('happy'), 5), raw);
  await happy
    .clone()
    .png()
    .toFile(join(folder, 'Happy', 'a.png'));
  await happy
    .clone()
    .resize(200, 160, { fit: 'fill' })
    .jpeg()
    .toFile(join(folder, 'Happy', 'b.jpg'));
  await sharp(drawTinyFace(1, 6), raw)
    .webp()
    .toFile(join(folder, 'DISGUST', 'c.webp'));
  await writeFile(join(folder, 'Happy', 'notes.txt'), 'not a picture');
  await copyFile(join(folder, 'Happy', 'a.png'), join(folder, 'joyful', 'd.png'));
  return folder;
}

test.each(['chunks missing', 'By labels'])(
  'a network is not put in use after Ctrl-C, at "%s"',
  async (said) => {
    first ??= makeFirst();
    const { output } = await first;
    const [data, model] = [await temporaryFolder(), join(await temporaryFolder(), 'model')];
    await writeTinyFer2013(data, tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']), { chunks: 14 });
    const interrupt = new AbortController();
    const onOutput = ({ stdout, stderr }: Readonly<Record<'stdout' | 'stderr', string>>) => {
      if (`${stdout}${stderr}`.includes(said)) interrupt.abort();
    };
    const around = { signal: interrupt.signal, onOutput };
    expect((await runScriptIn(around, 'ship.ts', output, '--data', data, '--to', model)).code).toBe(130);
    expect(existsSync(model)).toBe(false);
  },
  300_000,
);

test('scores that were fitted are not kept after Ctrl-C', { timeout: 60_000 }, async () => {
  const kept = await readFile(COVER_SCORES_FILE, 'utf8');
  const interrupt = new AbortController();
  const around = { signal: interrupt.signal, onOutput: () => interrupt.abort() };
  const args = ['--data', await dataFolder(), '--faces', '7', '--write'];
  const { code, stdout } = await runScriptIn(around, 'fit-covers.ts', ...args);
  expect([code, stdout]).toEqual([130, expect.stringContaining('from 0.5')]);
  expect(await readFile(COVER_SCORES_FILE, 'utf8')).toBe(kept);
});

test('a network is compared in the card of the one in use, and one that was trained on from it says so', async () => {
  first ??= makeFirst();
  const { data, model, shipped } = await first;
  // What follows puts others in use: a test that comes later makes its own.
  first = undefined;
  expect(shipped.code).toBe(0);
  const runs = await temporaryFolder();
  const settings = ['--epochs', '1', '--batch', '14', '--learning-rate', '0.01', '--data', data];
  const training = (architecture: string, name: string, ...more: string[]) =>
    runScript('train.ts', '--architecture', architecture, ...settings, '--output', join(runs, name), ...more);
  const ship = (name: string, ...more: string[]) =>
    runScript('ship.ts', join(runs, name), '--data', data, '--to', model, ...more);
  expect((await training('baseline', 'other')).code).toBe(0);
  const weights = await readFile(join(model, 'model.json'), 'utf8');
  expect((await ship('other', '--report-only')).code).toBe(0);
  expect(await readFile(join(model, 'model.json'), 'utf8')).toBe(weights);
  const compared = await readFile(join(model, 'README.md'), 'utf8');
  expect(compared).toContain('Model card: tiny');
  expect(withComparison(compared, [await readReport(join(model, 'reports', 'baseline.json'))])).toBe(compared);
  expect(compared).toMatch(/\| baseline \| 1,485,831 \| 1 \| \d+\.\d % \| \d+\.\d % \| \d+\.\d % \| `npm run train/);
  expect(compared).toContain('(reports/baseline-curves.png)');

  const taught = ['--from', model, '--teacher', join(runs, 'other', 'best'), '--teacher-weight', '0.5'];
  expect((await training('tiny', 'second', ...taught)).code).toBe(0);
  expect((await ship('second', '--force', '--less-neutral', '0.1')).code).toBe(0);
  const card = await readFile(join(model, 'README.md'), 'utf8');
  expect(card).toContain('| Neutral | its logit less 0.1, in the last bias');
  expect(card).toContain(`| Started from | the weights of \`${COMMAND}\` |`);
  const second = `npm run train -- --architecture tiny --epochs 1 --batch 14 --learning-rate 0.01 --seed 1 ${taught.join(' ')}`;
  expect(card).toContain(`${second}\``);
  expect(card).toContain('## Trained for comparison');
  // One that goes on from that one has both before it.
  expect((await training('tiny', 'third', '--from', model)).code).toBe(0);
  const { metadata } = await loadModel(join(runs, 'third', 'best'));
  expect(metadata.trained).toMatchObject({ origin: [COMMAND, second] });
}, 300_000);

test.each([
  ['Ctrl-C', 'SIGINT', 130],
  ['SIGTERM to npm', 'SIGTERM', 143],
] as const)('%s ends a training after a checkpoint, from which --resume goes on', async (_, signal, status) => {
  const [data, output] = [await dataFolder(), await temporaryFolder()];
  const args = ['--architecture', 'tiny', '--epochs', '300', '--batch', '7', '--data', data, '--output', output];
  const child = spawn('npm', ['run', '--silent', 'train', '--', ...args], { cwd: root, detached: true });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let said = '';
  let interrupted = false;
  child.stderr.on('data', (text) => {
    said += text;
    // A terminal signals npm and all that it has started; a process manager npm alone.
    if (!interrupted && said.includes('Epoch 2/300'))
      interrupted = process.kill(signal === 'SIGINT' ? -child.pid! : child.pid!, signal);
  });
  expect(await ended).toBe(status);
  expect(() => process.kill(-child.pid!, 0)).toThrow('ESRCH');
  expect(said).toContain('Stopped');
  const newest = (await readdir(output))
    .filter((name) => name.startsWith('checkpoint-'))
    .sort()
    .at(-1)!;
  const { progress } = JSON.parse(await readFile(join(output, newest, 'state.json'), 'utf8'));
  expect(progress.epoch).toBeGreaterThanOrEqual(2);
  expect(progress.epoch).toBeLessThan(300);
  if (signal !== 'SIGINT') return;
  // Another plan is refused; the same one goes on where it stopped.
  const other = await runScript('train.ts', ...args, '--seed', '2', '--resume');
  expect(other.stderr).toContain('had other settings (seed 1, not 2)');
  expect(other.code).toBe(2);
  // A new run takes its place only where that is asked for.
  const again = await runScript('train.ts', ...args);
  expect(again.stderr).toContain(`${output} has a training run already: --resume continues it`);
  expect(again.code).toBe(2);
  expect(await readdir(output)).toContain(newest);
  const fresh = await runScript('train.ts', ...args, '--epochs', '1', '--fresh');
  expect(fresh.stderr).toContain('Epoch 1/1');
  expect(fresh.code).toBe(0);
  expect(await readdir(output)).not.toContain(newest);
});

test('a folder in which a training runs already is left to that one', { timeout: 120_000 }, async () => {
  const [data, output] = [await dataFolder(), await temporaryFolder()];
  const args = [...SETTINGS, '--epochs', '8', '--data', data, '--output', output];
  const both = await Promise.all([runScript('train.ts', ...args), runScript('train.ts', ...args, '--seed', '2')]);
  expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(both.find(({ code }) => code === 1)!.stderr).toContain(`${output} is being trained in by another process`);
  expect((await runScript('train.ts', ...args, '--fresh', '--epochs', '1')).code).toBe(0);
});

test('an output folder that cannot be written is named, with no stack', async () => {
  const data = await dataFolder();
  const file = join(data, 'file');
  await writeFile(file, '');
  for (const output of [file, join(file, 'run')]) {
    const { code, stderr } = await runScript('train.ts', '--architecture', 'tiny', '--data', data, '--output', output);
    expect(stderr).toContain(`${output} cannot be written`);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  }
});

test.each([
  [['train.ts', '--epochs', 'many'], 2, /--epochs many is no number/],
  [['train.ts', '--epochs', '0'], 2, /epochs/],
  [['train.ts', '--resume', '--fresh'], 2, /Give --resume or --fresh, not both/],
  [['train.ts', '--batch', '1'], 2, /batch must be at least 2/],
  [['train.ts', '--threads', '0'], 2, /--threads must be a whole number from 1/],
  [['train.ts', '--threads', '1.5'], 2, /--threads must be a whole number from 1/],
  [['train.ts', '--no-augmentation', '--erasing', '0.1'], 2, /give one of them/],
  [['train.ts', '--teacher-weight', '0.5'], 2, /needs a --teacher/],
  [['train.ts', '--engine', 'cuda'], 2, /takes auto, onnx or tensorflow, not cuda/],
  [['train.ts', '--architecture', 'huge'], 2, /There is no architecture called huge\. \(--help/],
  [['train.ts', '--data', '/nowhere'], 1, /fer2013\.csv/],
  [['evaluate.ts', '--split', 'Test'], 2, /PublicTest/],
  [['evaluate.ts', '--faces', '/nowhere'], 1, /\/nowhere/],
  [['evaluate.ts', '--faces', '/nowhere', '--examples', '/dev/null/x.png'], 2, /x\.png cannot be written/],
  [['evaluate.ts', '--faces', '/nowhere', '--examples', '/tmp'], 2, /\/tmp exists and is not a file/],
  [['ship.ts'], 2, /Name the output folder/],
  // What npm leaves of `npm run train --epochs 5`.
  [['train.ts', '5', '--data', '/nowhere'], 2, /no place for "5": options come after --/],
  [['evaluate.ts', 'PublicTest', '--data', '/nowhere'], 2, /no place for "PublicTest"/],
  [['fit-covers.ts', '500', '--data', '/nowhere'], 2, /no place for "500"/],
  [['fit-faces.ts', 'photos'], 2, /no place for "photos"/],
  [['fit-no-person.ts', 'people'], 2, /no place for "people"/],
])('%j is refused in words', async ([script, ...args], code, sentence) => {
  const result = await runScript(script!, ...args);
  expect(result.stderr).toMatch(sentence);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(code);
});
