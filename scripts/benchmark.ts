import { availableParallelism, cpus } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import { ARCHITECTURES, DEFAULT_ARCHITECTURE } from '../src/emotion/architectures.ts';
import { runTool, wholeNumber } from './command-line.ts';

const DEFAULT_MODEL = fileURLToPath(new URL('../model', import.meta.url));
const DEFAULT_PHOTO = fileURLToPath(new URL('../node_modules/@vladmandic/face-api/demo/sample5.jpg', import.meta.url));

const DEFAULT_ROUNDS = 5;

const USAGE = `Usage: npm run benchmark -- training [--architecture NAME] [--batch N] [--threads N] [--steps N] [--rounds N]
                               [--python FILE]
       npm run benchmark -- reading [--model DIR] [--faces N,N,...] [--threads N] [--rounds N]
       npm run benchmark -- photo [--photo FILE] [--model DIR] [--rounds N]

training   images a second that a network trains at, for every engine that loads and, where Python has it, PyTorch.
reading    milliseconds a face that the bot reads the faces of one photo in, for every engine that loads and, where it
           loads, the faceExpressionNet of face-api on TensorFlow.js' wasm backend.
photo      milliseconds from a photo's bytes to the annotated picture's, step by step; finding and reading the faces beside
           face-api's ssdMobilenetv1 and faceExpressionNet on the same backend, where it loads.

Contenders take turns in one run; the ratios are what to quote. Let nothing else run meanwhile.

  --architecture NAME  the network to train (default: ${DEFAULT_ARCHITECTURE})
  --batch N            images a step (default: 64)
  --threads N          threads that compute (default: ${availableParallelism()})
  --steps N            steps a round (default: 10)
  --rounds N           rounds that count (default: ${DEFAULT_ROUNDS})
  --python FILE        the Python to look for PyTorch in (default: python3)
  --model DIR          the network to read with (default: model/)
  --faces N,N,...      faces in the photo (default: 1,6,16)
  --photo FILE         the photo (default: ${basename(DEFAULT_PHOTO)} of face-api)
  --help               show this
`;

/** The options that are given, as text. */
type Values = Readonly<Partial<Record<string, string>>>;

interface Measurement {
  readonly options: readonly string[];
  /** @returns what to print */
  readonly run: (values: Values) => Promise<string>;
}

const MEASUREMENTS = new Map<string, Measurement>([
  ['training', { options: ['architecture', 'batch', 'threads', 'steps', 'rounds', 'python'], run: training }],
  ['reading', { options: ['model', 'faces', 'threads', 'rounds'], run: reading }],
  ['photo', { options: ['photo', 'model', 'rounds'], run: photo }],
]);

await runTool(async () => {
  const names = new Set([...MEASUREMENTS.values()].flatMap(({ options }) => options));
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...Object.fromEntries([...names].map((name) => [name, { type: 'string' as const }])),
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { help, ...given } = values;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [name = ''] = positionals;
  const measurement = MEASUREMENTS.get(name);
  if (!measurement || positionals.length > 1)
    throw new UserError('bad-usage', `Say what to measure: ${[...MEASUREMENTS.keys()].join(', ')}.`);
  for (const option of Object.keys(given))
    if (!measurement.options.includes(option)) throw new UserError('bad-usage', `${name} has no --${option}.`);
  process.stdout.write(`${await measurement.run(given as Values)}\n`);
  return 0;
});

// What measures is loaded where it is needed, so that --help and mistakes in usage answer at once.

async function training(values: Values): Promise<string> {
  const name = values.architecture ?? DEFAULT_ARCHITECTURE;
  const architecture = ARCHITECTURES.get(name);
  if (!architecture) throw new UserError('bad-usage', `There is no architecture called ${name}.`);
  const benchmark = {
    architecture,
    batch: count('batch', values.batch, 64),
    threads: count('threads', values.threads, availableParallelism()),
    steps: count('steps', values.steps, 10),
    rounds: count('rounds', values.rounds, DEFAULT_ROUNDS),
    python: values.python ?? 'python3',
    log,
  };
  const { benchmarkTraining } = await import('./benchmark/training.ts');
  const { engineShare } = await import('./benchmark/engine-share.ts');
  const { trainingTable } = await import('./benchmark/table.ts');
  const results = await benchmarkTraining(benchmark);
  const share = await engineShare(benchmark);
  return (
    `${architecture.name}, batch ${benchmark.batch}; ${machine(benchmark.threads)}\n\n${trainingTable(results)}\n\n` +
    `With augmentation on a thread beside it, ${(100 * share).toFixed(1)} % of a training's time is the onnx engine's.`
  );
}

async function reading(values: Values): Promise<string> {
  const benchmark = {
    model: values.model ?? DEFAULT_MODEL,
    faces: counts('faces', values.faces ?? '1,6,16'),
    threads: count('threads', values.threads, availableParallelism()),
    rounds: count('rounds', values.rounds, DEFAULT_ROUNDS),
    log,
  };
  const { benchmarkReading } = await import('./benchmark/reading.ts');
  const { readingTable } = await import('./benchmark/table.ts');
  const results = await benchmarkReading(benchmark);
  return `reading the faces of one photo; ${machine(benchmark.threads)}\n\n${readingTable(results)}`;
}

async function photo(values: Values): Promise<string> {
  const benchmark = {
    photo: values.photo ?? DEFAULT_PHOTO,
    model: values.model ?? DEFAULT_MODEL,
    rounds: count('rounds', values.rounds, DEFAULT_ROUNDS),
    log,
  };
  const { benchmarkPhoto } = await import('./benchmark/photo.ts');
  const { photoTable } = await import('./benchmark/table.ts');
  const results = await benchmarkPhoto(benchmark);
  return `${basename(benchmark.photo)}; ${machine(availableParallelism())}\n\n${photoTable(results)}`;
}

function machine(threads: number): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${threads} threads, Node ${process.version}`;
}

function log(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

function count(name: string, text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : wholeNumber(name, text);
}

/** Numbers with commas between them. */
function counts(name: string, text: string): number[] {
  return text.split(',').map((one) => {
    const value = Number(one);
    if (!Number.isInteger(value) || value < 1)
      throw new UserError('bad-usage', `--${name} must be whole numbers from 1 on with commas between them.`);
    return value;
  });
}
