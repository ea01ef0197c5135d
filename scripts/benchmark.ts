import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, DEFAULT_ARCHITECTURE } from '../src/emotion/architectures.ts';
import { UserError } from '../src/errors.ts';
import { engineShare } from './benchmark/engine-share.ts';
import { benchmarkTraining, type ContenderResult } from './benchmark/training.ts';
import { runTool } from './command-line.ts';

const USAGE = `Usage: npm run benchmark -- training [--architecture NAME] [--batch N] [--threads N] [--steps N] [--rounds N]
                               [--python FILE]

training   images a second that a network trains at, for every engine that loads and, where Python has it, PyTorch. They
           take turns in one run; the ratios are what to quote. Let nothing else run meanwhile.

  --architecture NAME  the network (default: ${DEFAULT_ARCHITECTURE})
  --batch N            images a step (default: 64)
  --threads N          threads that compute (default: ${availableParallelism()})
  --steps N            steps a round (default: 10)
  --rounds N           rounds that count (default: 5)
  --python FILE        the Python to look for PyTorch in (default: python3)
  --help               show this
`;

await runTool(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      architecture: { type: 'string', default: DEFAULT_ARCHITECTURE },
      batch: { type: 'string', default: '64' },
      threads: { type: 'string', default: String(availableParallelism()) },
      steps: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '5' },
      python: { type: 'string', default: 'python3' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.join() !== 'training') throw new UserError('bad-usage', 'Say what to measure: training.');
  const architecture = ARCHITECTURES.get(values.architecture);
  if (!architecture) throw new UserError('bad-usage', `There is no architecture called ${values.architecture}.`);
  const benchmark = {
    architecture,
    batch: count('batch', values.batch),
    threads: count('threads', values.threads),
    steps: count('steps', values.steps),
    rounds: count('rounds', values.rounds),
    python: values.python,
    log: (sentence: string) => process.stderr.write(`${sentence}\n`),
  };
  const results = await benchmarkTraining(benchmark);
  const share = await engineShare(benchmark);
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${values.threads} threads, Node ${process.version}`;
  process.stdout.write(
    `${architecture.name}, batch ${values.batch}; ${machine}\n\n${table(results)}\n\n` +
      `With augmentation on a thread beside it, ${(100 * share).toFixed(1)} % of a training's time is the onnx engine's.\n`,
  );
  return 0;
});

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UserError('bad-usage', `--${name} must be a whole number.`);
  return value;
}

/** Medians, and round by round the ratio to the first. */
function table(results: readonly ContenderResult[]): string {
  const [peer] = results;
  return [
    '| | images/s: median (least to most) | against the first: median (least to most) |',
    '| --- | --- | --- |',
    ...results.map(({ name, imagesPerSecond }) => {
      const ratios = imagesPerSecond.map((rate, round) => rate / peer!.imagesPerSecond[round]!);
      return `| ${name} | ${spread(imagesPerSecond, 0)} | ${spread(ratios, 2)} |`;
    }),
  ].join('\n');
}

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return `${middle.toFixed(digits)} (${sorted[0]!.toFixed(digits)} to ${sorted.at(-1)!.toFixed(digits)})`;
}
