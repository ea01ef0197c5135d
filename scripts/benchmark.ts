import { availableParallelism, cpus } from 'node:os';
import { basename } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { architectureOf, DEFAULT_ARCHITECTURE } from '../src/emotion/architectures.ts';
import { inRepository, runAsProcess, tool } from './command-line.ts';
import { actionOf, FROM_ONE, flag, number, numbers, text, type Values } from './options.ts';

const FIVE_PEOPLE = inRepository('node_modules/@vladmandic/face-api/demo/sample5.jpg');

const OPTIONS = {
  architecture: text('NAME', 'the network to train', DEFAULT_ARCHITECTURE),
  batch: number('N', 'images a step', FROM_ONE, 64),
  threads: number('N', 'threads that compute', FROM_ONE, availableParallelism()),
  steps: number('N', 'steps a round', FROM_ONE, 10),
  rounds: number('N', 'rounds that count', FROM_ONE, 5),
  python: text('FILE', 'the Python to look for PyTorch in', 'python3'),
  model: text('DIR', 'the network to read with', inRepository('model')),
  faces: numbers('faces in the photo', FROM_ONE, '1,6,16'),
  photo: text('FILE', 'the photo; otherwise one of five people'),
  photos: number('N', 'photos that are posted', FROM_ONE, 1000),
  json: flag('print the medians as JSON instead'),
};

type OptionValues = Values<typeof OPTIONS>;
type Log = (sentence: string) => void;

interface Measurement {
  readonly options: readonly (keyof OptionValues)[];
  /** @returns what to print */
  readonly run: (values: OptionValues, log: Log) => Promise<string>;
}

const MEASUREMENTS = new Map<string, Measurement>([
  ['training', { options: ['architecture', 'batch', 'threads', 'steps', 'rounds', 'python'], run: training }],
  ['reading', { options: ['model', 'faces', 'threads', 'rounds'], run: reading }],
  ['photo', { options: ['photo', 'model', 'rounds', 'json'], run: photo }],
  ['start', { options: ['photo', 'model', 'rounds', 'json'], run: start }],
  ['memory', { options: ['photo', 'model', 'photos', 'json'], run: memory }],
  ['bombs', { options: ['photo', 'model', 'json'], run: bombs }],
]);

export const main = tool(
  {
    usage: [...MEASUREMENTS].map(
      ([name, { options }]) => `npm run benchmark -- ${name} ${options.map((option) => `[--${option}]`).join(' ')}`,
    ),
    about: `training   images a second in training, for every engine that loads and, where Python has it, PyTorch.
reading    milliseconds a face for reading the faces of one photo, for every engine that loads and, where it loads, the
           faceExpressionNet of face-api on TensorFlow.js' wasm backend.
photo      milliseconds from a photo's bytes to the annotated picture's, step by step. It compares the part from the decoded
           picture to a reading of every face with face-api's ssdMobilenetv1 and tinyFaceDetector with faceExpressionNet,
           and with Human's detector, mesh and emotion, on the same backend, where they load. Without --photo it takes a
           photo of five people, 1280 x 960.
start      milliseconds from the start of the bot to its address, and from its first photos to their answers; and those that
           the command line takes to read one photo.
memory     memory of the bot's processes as photo after photo is read, and how long the main thread is blocked.
bombs      the most memory that the bot's processes take while ten pictures of 30 MB are posted at once on a local fake
           Discord, and how long another person's photo waits meanwhile (on Linux, with the tests present).

Contenders take turns in one run: quote the ratios. Let nothing else run at the same time.`,
    options: OPTIONS,
    endsAtOnce: true,
  },
  async ({ values, words, given, print, say }) => {
    const name = actionOf(words, [...MEASUREMENTS.keys()]);
    const measurement = MEASUREMENTS.get(name)!;
    const alien = given.find((option) => !measurement.options.some((known) => known === option));
    if (alien !== undefined) throw new UserError('bad-usage', `${name} has no --${alien}.`);
    print(await measurement.run(values, say));
    return 0;
  },
);

// Each measurement is loaded only when it runs, so that --help and mistakes in usage answer at once.

async function training({ architecture: name, ...values }: OptionValues, log: Log): Promise<string> {
  const architecture = architectureOf(name);
  const { batch, threads, steps, rounds, python } = values;
  const benchmark = { architecture, batch, threads, steps, rounds, python, log };
  const { benchmarkTraining, engineShare, trainingTable } = await import('./benchmark/training.ts');
  const results = await benchmarkTraining(benchmark);
  const share = await engineShare(benchmark);
  return (
    `${architecture.name}, batch ${batch}; ${machine(threads)}\n\n${trainingTable(results)}\n\n` +
    `With augmentation on a thread beside it, ${exactPercent(share)} of a training's time is the onnx engine's.`
  );
}

async function reading({ model, faces, threads, rounds }: OptionValues, log: Log): Promise<string> {
  const { benchmarkReading, readingTable } = await import('./benchmark/reading.ts');
  const results = await benchmarkReading({ model, faces, threads, rounds, log });
  return `reading the faces of one photo; ${machine(threads)}\n\n${readingTable(results)}`;
}

async function photo({ photo: file, model, rounds, json }: OptionValues, log: Log): Promise<string> {
  const { benchmarkPhoto, photoJson, photoTable } = await import('./benchmark/photo.ts');
  const results = await benchmarkPhoto({ photo: file, model, rounds, log });
  return report(json, file ?? `${FIVE_PEOPLE}, 1280 x 960`, photoJson(results), photoTable(results));
}

async function start({ photo = FIVE_PEOPLE, model, rounds, json }: OptionValues, log: Log): Promise<string> {
  const { benchmarkStart, startJson, startTable } = await import('./benchmark/bot.ts');
  const result = await benchmarkStart({ photo, model, rounds, log });
  return report(json, photo, startJson(result), startTable(result));
}

async function memory({ photo = FIVE_PEOPLE, model, photos, json }: OptionValues, log: Log): Promise<string> {
  const { benchmarkMemory, memoryJson, memoryTable } = await import('./benchmark/bot.ts');
  const result = await benchmarkMemory({ photo, model, photos, log });
  return report(json, photo, memoryJson(result), memoryTable(result));
}

async function bombs({ photo = FIVE_PEOPLE, model, json }: OptionValues, log: Log): Promise<string> {
  const [{ benchmarkBombs, bombsTable }, { readPhotoFile }] = await Promise.all([
    import('./benchmark/bombs.ts'),
    import('../src/photo/photo-file.ts'),
  ]);
  await readPhotoFile(photo, 1);
  log('this takes a few minutes');
  const result = await benchmarkBombs({ photo, model });
  return report(json, photo, result, bombsTable(result));
}

function report(json: boolean, photo: string, figures: object, table: string): string {
  const where = machine(availableParallelism());
  return json ? JSON.stringify({ machine: where, ...figures }) : `${basename(photo)}; ${where}\n\n${table}`;
}

function machine(threads: number): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${threads} threads, Node ${process.version}`;
}

await runAsProcess(import.meta.url, main);
