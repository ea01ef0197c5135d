import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Architecture } from '../../../src/emotion/architectures.ts';
import type { Engine, OptimizerOptions, TrainerOptions, TrainingState } from '../../../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../../../src/emotion/engines/onnx/onnx-engine.ts';
import { findRuntime, JAVASCRIPT_PACKAGE, NATIVE_PACKAGES } from '../../../src/emotion/engines/tensorflow/runtime.ts';
import { createTensorflowEngine } from '../../../src/emotion/engines/tensorflow/tensorflow-engine.ts';
import { loadModel, saveModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { type Network, unroll, type Weights } from '../../../src/emotion/network.ts';
import {
  architecture,
  EVERY_LAYER,
  largestDifference,
  PLAIN,
  POOLED,
  randomBatch,
  randomInputs,
  randomWeights,
  WIDE,
} from '../networks.ts';

/** The two engines as each other's oracle: the same network, the same batches, the same numbers. */
let onnx: Engine;
let tensorflow: Engine;
let root: string;

beforeAll(async () => {
  onnx = createOnnxEngine({ threads: 1 });
  const { runtime } = await findRuntime([...NATIVE_PACKAGES, JAVASCRIPT_PACKAGE]);
  tensorflow = createTensorflowEngine(runtime!);
  root = await mkdtemp(join(tmpdir(), 'engines-agree-'));
});

afterAll(() => rm(root, { recursive: true }));

const SGD: OptimizerOptions = { kind: 'sgd', momentum: 0.9, nesterov: true };
const HEAVY_BALL: OptimizerOptions = { kind: 'sgd', momentum: 0.9, nesterov: false };
const ADAM: OptimizerOptions = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
const BATCH = 4;
const STEPS = 6;
const OPTIONS: TrainerOptions = {
  batchSize: BATCH,
  optimizer: SGD,
  weightDecay: 1e-3,
  clipNorm: 2,
  averageDecay: 0.9,
  seed: 3,
  threads: 1,
};

/**
 * Dropout on maps and on a vector, before whose normalisation it keeps the gradients of what came earlier from being zero but
 * for rounding, which Adam blows up to full steps.
 */
const DROPPING = architecture('dropping', [
  { kind: 'conv', filters: 3, kernel: 3 },
  { kind: 'dropout', rate: 0 },
  { kind: 'dropout', rate: 0.3 },
  { kind: 'relu' },
  { kind: 'averagePool', size: 3, stride: 2 },
  { kind: 'flatten' },
  { kind: 'dropout', rate: 0.5 },
  { kind: 'dense', units: 6, bias: false },
  { kind: 'batchNorm' },
  { kind: 'dense', units: 7 },
  { kind: 'softmax' },
]);

/** Three channels, so that both engines must put colours in their places. */
const COLOUR: Architecture = { ...POOLED, name: 'colour', input: [12, 10, 3] };

interface Run {
  readonly losses: readonly number[];
  readonly correct: readonly number[];
  readonly weights: Weights;
  readonly average: Weights;
  readonly state: TrainingState;
}

async function train(engine: Engine, network: Network, options: TrainerOptions, weights: Weights): Promise<Run> {
  const session = await engine.trainer(network, weights, options);
  const losses: number[] = [];
  const correct: number[] = [];
  const start = options.state?.step ?? 0;
  for (let step = start; step < start + STEPS; step++) {
    const result = await session.step(randomBatch(network, BATCH, step), rateOf(options.optimizer) / (1 + step / 10));
    losses.push(result.loss);
    correct.push(result.correct);
  }
  const run = {
    losses,
    correct,
    weights: await session.weights(),
    average: (await session.average())!,
    state: await session.state(),
  };
  await session.dispose();
  return run;
}

function rateOf(optimizer: OptimizerOptions): number {
  return optimizer.kind === 'sgd' ? 0.02 : 0.002;
}

async function scores(engine: Engine, network: Network, weights: Weights): Promise<Float32Array> {
  const predictor = await engine.predictor(network, weights);
  const found = await predictor.predict(randomInputs(network, 5), 5);
  await predictor.dispose();
  return found;
}

/** The largest difference between two sets of weights with the same names. */
function apart(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  return Math.max(...[...a].map(([name, data]) => largestDifference(data, b.get(name)!)));
}

describe('prediction', () => {
  it.each([PLAIN, POOLED, EVERY_LAYER, DROPPING, COLOUR])('of $name is the same in both', async (entry) => {
    const network = unroll(entry);
    const weights = randomWeights(network);
    const [a, b] = [await scores(onnx, network, weights), await scores(tensorflow, network, weights)];
    expect(a).toHaveLength(35);
    expect(largestDifference(a, b)).toBeLessThan(1e-5);
  });
});

// Without EVERY_LAYER: its padded average pooling has a test of its own below.
describe.each([PLAIN, POOLED, DROPPING, COLOUR, WIDE])('training $name', (entry) => {
  const network = unroll(entry);
  const weights = randomWeights(network);

  it.each([
    ['SGD', SGD],
    ['Adam', ADAM],
  ] as const)('is the same in both with %s', async (_, optimizer) => {
    const options = { ...OPTIONS, optimizer };
    const [a, b] = [await train(onnx, network, options, weights), await train(tensorflow, network, options, weights)];
    expect(largestDifference(a.losses, b.losses)).toBeLessThan(1e-3);
    expect(a.correct).toEqual(b.correct);
    expect(apart(a.weights, b.weights)).toBeLessThan(1e-3);
    expect(apart(a.average, b.average)).toBeLessThan(1e-3);
    expect(a.state.step).toBe(STEPS);
    expect(b.state.step).toBe(STEPS);
    expect(apart(a.state.slots, b.state.slots)).toBeLessThan(1e-3);
    // The network has moved, so agreeing means something.
    expect(apart(a.weights, weights)).toBeGreaterThan(1e-2);
  });
});

describe('training with momentum that is not Nesterov’s', () => {
  it('is the same in both', async () => {
    const network = unroll(PLAIN);
    const weights = randomWeights(network);
    const options = { ...OPTIONS, optimizer: HEAVY_BALL };
    const [a, b] = [await train(onnx, network, options, weights), await train(tensorflow, network, options, weights)];
    expect(largestDifference(a.losses, b.losses)).toBeLessThan(1e-3);
    expect(apart(a.weights, b.weights)).toBeLessThan(1e-3);
    const ahead = await train(onnx, network, OPTIONS, weights);
    expect(apart(a.weights, ahead.weights)).toBeGreaterThan(3e-3);
  });
});

describe('batch normalisation of a channel that does not vary', () => {
  it('stays finite, though rounding puts its variance below zero', async () => {
    const network = unroll(
      architecture('flat', [
        { kind: 'batchNorm' },
        { kind: 'flatten' },
        { kind: 'dense', units: 7 },
        { kind: 'softmax' },
      ]),
    );
    const session = await onnx.trainer(network, randomWeights(network), OPTIONS);
    for (const gray of [999.7, 1000.1, 1234.5, 3333.3]) {
      const batch = randomBatch(network, BATCH);
      const { loss } = await session.step({ ...batch, x: batch.x.map(() => gray) }, 0.001);
      expect(loss, String(gray)).toBeLessThan(100);
    }
    for (const [name, data] of await session.weights()) expect(data.every(Number.isFinite), name).toBe(true);
    await session.dispose();
  });
});

/**
 * TensorFlow.js's cpu backend divides the gradient of an average by the whole window even where part of it is padding,
 * which its forward pass (and TensorFlow's own library) leaves out. There the oracle is the loss itself: every
 * derivative is a central difference of it.
 */
describe('padded average pooling', () => {
  it('has the gradient that differences of the loss give', async () => {
    const network = unroll(
      architecture('padded', [
        { kind: 'conv', filters: 2, kernel: 3, stride: 3 },
        { kind: 'averagePool', size: 3, stride: 2, padding: 'same' },
        { kind: 'flatten' },
        { kind: 'dense', units: 7 },
        { kind: 'softmax' },
      ]),
    );
    const weights = randomWeights(network);
    const batch = randomBatch(network, BATCH);
    const options: TrainerOptions = {
      ...OPTIONS,
      optimizer: { kind: 'sgd', momentum: 0, nesterov: false },
      weightDecay: 0,
      clipNorm: 0,
      averageDecay: 0,
    };
    /** The loss, and the kernel after one update at learning rate 1: what it has lost is the gradient. */
    const step = async (kernel: Float32Array) => {
      const session = await onnx.trainer(network, new Map([...weights, ['conv1/kernel', kernel]]), options);
      const { loss } = await session.step(batch, 1);
      const after = (await session.weights()).get('conv1/kernel')!;
      await session.dispose();
      return { loss, gradient: kernel.map((w, k) => w - after[k]!) };
    };
    const kernel = weights.get('conv1/kernel')!;
    const { gradient } = await step(kernel);
    const epsilon = 0.02;
    for (let k = 0; k < kernel.length; k++) {
      const [above, below] = [kernel.slice(), kernel.slice()];
      above[k]! += epsilon;
      below[k]! -= epsilon;
      const slope = ((await step(above)).loss - (await step(below)).loss) / (2 * epsilon);
      expect(gradient[k], `conv1/kernel[${k}]`).toBeCloseTo(slope, 3);
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.02);
  });
});

describe('a network that changes engines', () => {
  const network = unroll(POOLED);

  it.each([
    ['tensorflow', 'onnx'],
    ['onnx', 'tensorflow'],
  ])('trained in %s, saved and loaded in %s, gives the same scores', async (from, to) => {
    const [first, second] = [from, to].map((name) => (name === 'onnx' ? onnx : tensorflow));
    const run = await train(first!, network, OPTIONS, randomWeights(network));
    const before = await scores(first!, network, run.weights);
    const directory = join(root, `${from}-${to}`);
    await saveModel(directory, { network, weights: run.weights });
    const stored = await loadModel(directory);
    expect(stored.weights).toEqual(run.weights);
    expect(largestDifference(await scores(second!, stored.network, stored.weights), before)).toBeLessThan(1e-5);
  });

  it.each([
    ['SGD', SGD],
    ['Adam', ADAM],
  ] as const)('goes on training with %s from the other engine’s state', async (_, optimizer) => {
    const options = { ...OPTIONS, optimizer };
    const half = await train(tensorflow, network, options, randomWeights(network));
    const resumed = { ...options, state: half.state };
    const a = await train(onnx, network, resumed, half.weights);
    const b = await train(tensorflow, network, resumed, half.weights);
    expect(largestDifference(a.losses, b.losses)).toBeLessThan(1e-3);
    expect(apart(a.state.slots, b.state.slots)).toBeLessThan(1e-3);
  });
});
