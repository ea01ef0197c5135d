import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/base/random.ts';
import type { Architecture } from '../../src/emotion/architectures.ts';
import type { Engine } from '../../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { failuresText, findRuntime } from '../../src/emotion/engines/tensorflow/runtime.ts';
import { createTensorflowEngine } from '../../src/emotion/engines/tensorflow/tensorflow-engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import { unroll } from '../../src/emotion/network.ts';
import type { FaceSet } from '../../src/training/data/face-set.ts';
import { createBatchSource } from '../../src/training/run/batch-source.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { trainerOptions, trainingPlan } from '../../src/training/run/plan.ts';
import { endsWithThis } from '../children.ts';
import { spread, table, takeTurns } from './rounds.ts';

interface TrainingBenchmark {
  readonly architecture: Architecture;
  readonly batch: number;
  readonly threads: number;
  /** Steps in each round, and counted rounds. The contenders take turns, after one round that is not counted. */
  readonly steps: number;
  readonly rounds: number;
  /** The Python that may have PyTorch. */
  readonly python: string;
  /** Prints progress. */
  readonly log: (sentence: string) => void;
}

/** Something to time. `run` takes the given number of training steps and returns the seconds that they took. */
interface Contender {
  readonly name: string;
  run(steps: number): Promise<number>;
  close(): Promise<void>;
}

interface ContenderResult {
  readonly name: string;
  /** Images a second in each counted round, in order. */
  readonly imagesPerSecond: readonly number[];
}

/** Times training steps on every engine that loads and, where Python has it, on PyTorch: the peer, first in the result. */
export async function benchmarkTraining(benchmark: TrainingBenchmark): Promise<ContenderResult[]> {
  const contenders = [await pytorch(benchmark), ...(await engines(benchmark))].filter((one) => one !== undefined);
  const { steps, batch, rounds, log } = benchmark;
  try {
    const rates = await takeTurns(contenders, rounds, async (contender, round) => {
      const rate = (steps * batch) / (await contender.run(steps));
      log(`${round}: ${contender.name} ${rate.toFixed(1)} images/s`);
      return rate;
    });
    return contenders.map(({ name }, k) => ({ name, imagesPerSecond: rates[k]! }));
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

async function engines(benchmark: TrainingBenchmark): Promise<Contender[]> {
  const found = [await engineContender(createOnnxEngine({ threads: benchmark.threads }), benchmark)];
  const { runtime, failures } = await findRuntime();
  if (runtime) found.push(await engineContender(createTensorflowEngine(runtime), benchmark));
  else benchmark.log(`tensorflow is left out: ${failuresText(failures)}`);
  return found;
}

async function engineContender(engine: Engine, { architecture, batch }: TrainingBenchmark): Promise<Contender> {
  const network = unroll(architecture);
  const plan = trainingPlan({ architecture: architecture.name, batchSize: batch });
  const session = await engine.trainer(network, initialWeights(network, 1), trainerOptions(plan));
  const random = new Random(1);
  const x = new Float32Array(batch * FACE_PIXELS).map(() => random.between(-1.7, 1.7));
  const y = new Float32Array(batch * EMOTIONS.length).fill(1 / EMOTIONS.length);
  let index = 0;
  return {
    name: `${engine.name} (${engine.device})`,
    async run(steps) {
      const start = performance.now();
      for (let k = 0; k < steps; k++) await session.step({ x, y, epoch: 0, index: index++ }, 0.01);
      return (performance.now() - start) / 1000;
    },
    close: () => session.dispose(),
  };
}

/** Starts PyTorch in a process of its own, which waits for numbers of steps; undefined where Python does not have PyTorch. */
async function pytorch({
  architecture,
  batch,
  threads,
  python,
  log,
}: TrainingBenchmark): Promise<Contender | undefined> {
  const script = fileURLToPath(new URL('./pytorch_training.py', import.meta.url));
  const child = endsWithThis(spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] }));
  const started = await once(child, 'spawn').then(
    () => true,
    () => false,
  );
  if (!started) {
    log(`PyTorch is left out: there is no ${python}.`);
    return undefined;
  }
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  // Writing fails if the process has ended at once; its standard error says why.
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify({ layers: architecture.layers, batch, threads })}\n`);
  const first = await answers.next();
  if (first.done) {
    log(`PyTorch is left out: ${complaint.trim().split('\n').at(-1) ?? 'it ended at once'}.`);
    return undefined;
  }
  return pytorchContender(child, answers, JSON.parse(first.value).version);
}

function pytorchContender(
  child: ChildProcessWithoutNullStreams,
  answers: AsyncIterator<string, unknown>,
  version: string,
): Contender {
  return {
    name: `PyTorch ${version}`,
    async run(steps) {
      child.stdin.write(`${steps}\n`);
      const answer = await answers.next();
      if (answer.done) throw new Error('PyTorch ended in the middle of the benchmark');
      return Number(answer.value);
    },
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Steps that are not timed: the first ones build the graph and fill the queue of batches. */
const WARM_UP = 5;

/**
 * The share of a training's time in which the engine computes, 0..1. The rest is waiting for augmented batches. It is measured
 * on the onnx engine with the default recipe; one thread beside it augments.
 */
export async function engineShare(benchmark: TrainingBenchmark): Promise<number> {
  const { architecture, batch, threads, steps, rounds } = benchmark;
  const network = unroll(architecture);
  const plan = trainingPlan({ architecture: architecture.name, batchSize: batch });
  const counted = steps * rounds;
  const source = createBatchSource({
    set: noise((counted + WARM_UP) * batch),
    batchSize: batch,
    seed: plan.seed,
    augmentation: plan.augmentation,
    labelSmoothing: plan.labelSmoothing,
    threads: 1,
  });
  const session = await createOnnxEngine({ threads }).trainer(
    network,
    initialWeights(network, 1),
    trainerOptions(plan),
  );
  let computing = 0;
  let start = 0;
  for await (const next of source.epoch(0)) {
    if (next.index === WARM_UP) start = performance.now();
    const before = performance.now();
    await session.step(next, 0.01);
    if (next.index >= WARM_UP) computing += performance.now() - before;
  }
  const share = computing / (performance.now() - start);
  await session.dispose();
  await source.close();
  return share;
}

/** Faces of noise, since the cost of augmentation does not depend on the pixels. */
function noise(count: number): FaceSet {
  const random = new Random(2);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * FACE_PIXELS)).map(() => random.below(256));
  const labels = Uint8Array.from({ length: count }, (_, k) => k % EMOTIONS.length);
  const line = new Uint32Array(count);
  return { count, pixels, labels, rows: { files: ['noise'], file: new Uint16Array(count), line, index: line } };
}

/** A table of each contender's images a second, and of their ratio to the first contender's, round by round. */
export function trainingTable(results: readonly ContenderResult[]): string {
  const [peer] = results;
  return table(
    ['', 'images/s: median (least to most)', 'against the first: median (least to most)'],
    results.map(({ name, imagesPerSecond }) => {
      const ratios = imagesPerSecond.map((rate, round) => rate / peer!.imagesPerSecond[round]!);
      return [name, spread(imagesPerSecond, 0), spread(ratios, 2)];
    }),
  );
}
