import { beforeAll, describe, expect, it } from 'vitest';
import type {
  Engine,
  OptimizerOptions,
  TrainerOptions,
  TrainingBatch,
  TrainingState,
} from '../../../src/emotion/engines/engine.ts';
import {
  findRuntime,
  JAVASCRIPT_PACKAGE,
  NATIVE_PACKAGES,
  type TensorFlow,
} from '../../../src/emotion/engines/tensorflow/runtime.ts';
import { createTensorflowEngine } from '../../../src/emotion/engines/tensorflow/tensorflow-engine.ts';
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
} from '../networks.ts';
import { reference } from '../oracle.ts';

/** The engine on TensorFlow's own library where that is installed, else on TensorFlow.js's cpu backend. */
let engine: Engine;
let tf: TensorFlow;

beforeAll(async () => {
  const { runtime } = await findRuntime([...NATIVE_PACKAGES, JAVASCRIPT_PACKAGE]);
  engine = createTensorflowEngine(runtime!);
  tf = runtime!.tf;
});

const SGD: OptimizerOptions = { kind: 'sgd', momentum: 0.9, nesterov: true };
const HEAVY_BALL: OptimizerOptions = { kind: 'sgd', momentum: 0.9, nesterov: false };
const ADAM: OptimizerOptions = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

const BATCH = 3;
const OPTIONS: TrainerOptions = {
  batchSize: BATCH,
  optimizer: SGD,
  weightDecay: 0,
  clipNorm: 0,
  averageDecay: 0,
  seed: 1,
};

/** A network small enough to work out by hand: 144 inputs to 7 classes, no bias. */
const LINEAR = unroll(
  architecture('linear', [{ kind: 'flatten' }, { kind: 'dense', units: 7, bias: false }, { kind: 'softmax' }]),
);

describe('a predictor', () => {
  it.each([PLAIN, POOLED, EVERY_LAYER])('computes what $name means', async (entry) => {
    const network = unroll(entry);
    const weights = randomWeights(network);
    const x = randomInputs(network, 4);
    const predictor = await engine.predictor(network, weights);
    const found = await predictor.predict(x, 4);
    expect(largestDifference(found, reference(network, weights, x, 4))).toBeLessThan(1e-6);
    await predictor.dispose();
  });

  it('refuses inputs of another length', async () => {
    const network = unroll(PLAIN);
    const predictor = await engine.predictor(network, randomWeights(network));
    await expect(predictor.predict(new Float32Array(100), 1)).rejects.toThrow(
      '100 numbers are not 1 inputs of 12x12x1',
    );
    await predictor.dispose();
  });

  it('answers nothing for no inputs', async () => {
    const network = unroll(PLAIN);
    const predictor = await engine.predictor(network, randomWeights(network));
    expect(await predictor.predict(new Float32Array(0), 0)).toEqual(new Float32Array(0));
    await predictor.dispose();
  });
});

describe('a training step', () => {
  it('reports the loss of soft and weighted targets without the penalty, and what it got right', async () => {
    const network = LINEAR;
    const weights = randomWeights(network);
    const batch = randomBatch(network, BATCH);
    const session = await engine.trainer(network, weights, { ...OPTIONS, weightDecay: 10 });
    const { loss, correct } = await session.step(batch, 0.1);
    const p = reference(network, weights, batch.x, BATCH);
    const terms = Array.from(batch.y, (target, k) => -target * Math.log(p[k]!));
    expect(loss).toBeCloseTo(terms.reduce((a, b) => a + b) / BATCH, 5);
    const rows = [0, 1, 2].filter((row) => peak(p, row) === peak(batch.y, row));
    expect(correct).toBe(rows.length);
    await session.dispose();
  });

  it('stays finite where a probability underflows', async () => {
    const weights = new Map([['dense1/kernel', new Float32Array(144 * 7).map((_, k) => (k % 7 === 0 ? 9 : -9))]]);
    const batch = { ...randomBatch(LINEAR, BATCH), x: new Float32Array(BATCH * 144).fill(1) };
    const session = await engine.trainer(LINEAR, weights, OPTIONS);
    const { loss } = await session.step(batch, 1e-3);
    // Logits 1296 and -1296: six targets of each row are 2592 nats away.
    const far = batch.y.filter((_, k) => k % 7 !== 0).reduce((a, b) => a + b);
    expect(loss / ((far * 2592) / BATCH)).toBeCloseTo(1, 5);
    for (const w of (await session.weights()).get('dense1/kernel')!) expect(w).toBeCloseTo(Math.sign(w) * 9, 1);
    await session.dispose();
  });

  it.each([
    ['momentum', HEAVY_BALL],
    ["Nesterov's momentum", SGD],
    ['Adam', ADAM],
  ] as const)('updates by %s, with penalty and clipping, as worked out by hand', async (_, optimizer) => {
    const options = { ...OPTIONS, optimizer, weightDecay: 0.05, clipNorm: 3 };
    const weights = randomWeights(LINEAR);
    const session = await engine.trainer(LINEAR, weights, options);
    const byHand = new LinearByHand(weights.get('dense1/kernel')!, options);
    for (let index = 0; index < 4; index++) {
      const batch = randomBatch(LINEAR, BATCH, index);
      const learningRate = 0.1 / (index + 1);
      await session.step(batch, learningRate);
      byHand.step(batch, learningRate);
      expect(largestDifference((await session.weights()).get('dense1/kernel')!, byHand.w)).toBeLessThan(5e-6);
    }
    expect(byHand.clipped).toBeGreaterThan(0);
    expect(byHand.clipped).toBeLessThan(4);
    await session.dispose();
  });

  it('leaves a gradient shorter than the limit alone', async () => {
    const network = unroll(POOLED);
    const [plain, limited] = await Promise.all(
      [0, 1e3].map((clipNorm) => trained(network, { ...OPTIONS, clipNorm }, 2)),
    );
    expect(limited!.weights).toEqual(plain!.weights);
  });

  it('moves the running statistics by momentum * old + (1 - momentum) * batch, the variance biased', async () => {
    const network = unroll(
      architecture('statistics', [
        { kind: 'batchNorm', momentum: 0.7 },
        { kind: 'flatten' },
        { kind: 'dense', units: 7 },
        { kind: 'softmax' },
      ]),
    );
    const weights = randomWeights(network);
    const batch = randomBatch(network, BATCH);
    const session = await engine.trainer(network, weights, OPTIONS);
    await session.step(batch, 0.1);
    const mean = batch.x.reduce((a, b) => a + b) / batch.x.length;
    const variance = batch.x.reduce((a, b) => a + (b - mean) ** 2, 0) / batch.x.length;
    const after = await session.weights();
    const moved = (name: string, value: number) => {
      const [was, is] = [weights.get(name)![0]!, after.get(name)![0]!];
      expect(is).toBeCloseTo(0.7 * was + 0.3 * value, 6);
    };
    moved('batchNorm1/moving_mean', mean);
    moved('batchNorm1/moving_variance', variance);
    await session.dispose();
  });

  it('keeps an average of all weights, which follows a young run closely', async () => {
    const network = unroll(PLAIN);
    const weights = randomWeights(network);
    const session = await engine.trainer(network, weights, { ...OPTIONS, averageDecay: 0.25 });
    expect(await session.average()).toEqual(new Map(weights));
    const average = new Map([...weights].map(([name, data]) => [name, Float64Array.from(data)]));
    for (let step = 0; step < 4; step++) {
      await session.step(randomBatch(network, BATCH, step), 0.1);
      const decay = Math.min(0.25, (1 + step) / (10 + step));
      const now = await session.weights();
      for (const [name, data] of average)
        data.forEach((value, k) => {
          data[k] = decay * value + (1 - decay) * now.get(name)![k]!;
        });
    }
    const found = await session.average();
    for (const [name, data] of average) expect(largestDifference(found!.get(name)!, data), name).toBeLessThan(1e-6);
    expect(found!.get('batchNorm1/moving_mean')).not.toEqual(weights.get('batchNorm1/moving_mean'));
    await session.dispose();
  });

  it('keeps no average when not asked', async () => {
    const session = await engine.trainer(LINEAR, randomWeights(LINEAR), OPTIONS);
    expect(await session.average()).toBeUndefined();
    await session.dispose();
  });

  it('drops by (seed, epoch, batch number), and only then', async () => {
    const network = unroll(EVERY_LAYER);
    const weights = randomWeights(network);
    const batch = randomBatch(network, BATCH);
    const lossWith = async (seed: number, epoch: number, index: number) => {
      const session = await engine.trainer(network, weights, { ...OPTIONS, seed });
      const { loss } = await session.step({ ...batch, epoch, index }, 0.1);
      await session.dispose();
      return loss;
    };
    const first = await lossWith(1, 0, 0);
    expect(await lossWith(1, 0, 0)).toBe(first);
    for (const other of [await lossWith(2, 0, 0), await lossWith(1, 1, 0), await lossWith(1, 0, 1)])
      expect(other).not.toBe(first);
  });

  it('leaks no tensors', async () => {
    const network = unroll(EVERY_LAYER);
    const weights = randomWeights(network);
    const before = tf.memory().numTensors;
    const session = await engine.trainer(network, weights, { ...OPTIONS, clipNorm: 1, averageDecay: 0.9 });
    const counts: number[] = [];
    for (let step = 0; step < 4; step++) {
      await session.step(randomBatch(network, BATCH, step), 0.1);
      await session.weights();
      await session.average();
      await session.state();
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts).size).toBe(1);
    await session.dispose();
    const predictor = await engine.predictor(network, weights);
    await predictor.predict(randomInputs(network, 2), 2);
    await predictor.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a network without a softmax at its end', async () => {
    const open = unroll(architecture('open', [{ kind: 'flatten' }, { kind: 'dense', units: 7 }]));
    await expect(engine.trainer(open, randomWeights(open), OPTIONS)).rejects.toThrow('ends in a softmax');
  });
});

describe('training', () => {
  it.each([
    ['SGD', SGD, 0.1],
    ['Adam', ADAM, 0.05],
  ] as const)('learns a tiny problem with %s', async (_, optimizer, learningRate) => {
    const layers = [...POOLED.layers.slice(0, -3), { kind: 'batchNorm' }, ...POOLED.layers.slice(-3)] as const;
    const network = unroll(architecture('normalised', layers));
    const session = await engine.trainer(network, randomWeights(network), {
      ...OPTIONS,
      optimizer,
      batchSize: 7,
      weightDecay: 1e-4,
    });
    const batch: TrainingBatch = {
      x: randomInputs(network, 7),
      y: Float32Array.from({ length: 49 }, (_, k) => (k % 8 === 0 ? 1 : 0)),
      epoch: 0,
      index: 0,
    };
    const first = await session.step(batch, learningRate);
    let last = first;
    for (let step = 0; step < 60; step++) last = await session.step(batch, learningRate);
    expect(first.loss).toBeGreaterThan(1.5);
    expect(last.loss).toBeLessThan(0.3);
    expect(last.correct).toBeGreaterThanOrEqual(6);
    await session.dispose();
  });

  it.each([
    ['SGD', SGD, ['momentum']],
    ['Adam', ADAM, ['m', 'v']],
  ] as const)('goes on from a saved state of %s as if never stopped', async (_, optimizer, slots) => {
    const network = unroll(EVERY_LAYER);
    const options = { ...OPTIONS, optimizer, weightDecay: 1e-3, clipNorm: 1, averageDecay: 0.9 };
    const whole = await trained(network, options, 5);
    const half = await trained(network, options, 3);
    const resumed = await trained(network, { ...options, state: half.state }, 5, half.weights);
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.average).toEqual(whole.average);
    expect(resumed.state).toEqual(whole.state);
    expect(half.state.step).toBe(3);
    const trainable = network.weights.filter((weight) => weight.trainable).map(({ name }) => name);
    expect(new Set(half.state.slots.keys())).toEqual(
      new Set([
        ...trainable.flatMap((name) => slots.map((slot) => `${name}/${slot}`)),
        ...network.weights.map(({ name }) => `${name}/average`),
      ]),
    );
  });

  it('refuses a state that lacks a slot or is of another network', async () => {
    const weights = randomWeights(LINEAR);
    const start = (slots: [string, Float32Array][]) =>
      engine.trainer(LINEAR, weights, { ...OPTIONS, state: { step: 1, slots: new Map(slots) } });
    await expect(start([])).rejects.toThrow('dense1/kernel/momentum is missing');
    await expect(start([['dense1/kernel/momentum', new Float32Array(3)]])).rejects.toThrow('holds 3 numbers');
  });
});

interface Trained {
  readonly weights: Weights;
  readonly average: Weights | undefined;
  readonly state: TrainingState;
}

/** Trains up to `steps` updates, from the state's step on, each with its own batch. */
async function trained(
  network: Network,
  options: TrainerOptions,
  steps: number,
  weights = randomWeights(network),
): Promise<Trained> {
  const session = await engine.trainer(network, weights, options);
  for (let step = options.state?.step ?? 0; step < steps; step++)
    await session.step(randomBatch(network, options.batchSize, step), 0.05);
  const result = {
    weights: await session.weights(),
    average: await session.average(),
    state: await session.state(),
  };
  await session.dispose();
  return result;
}

/** LINEAR's training in double precision, straight from the formulas in engine.ts. */
class LinearByHand {
  readonly w: Float64Array;
  clipped = 0;
  private readonly m: Float64Array;
  private readonly v: Float64Array;
  private t = 0;

  private readonly options: TrainerOptions;

  constructor(kernel: Float32Array, options: TrainerOptions) {
    this.options = options;
    this.w = Float64Array.from(kernel);
    this.m = new Float64Array(kernel.length);
    this.v = new Float64Array(kernel.length);
  }

  step({ x, y }: TrainingBatch, learningRate: number): void {
    const { optimizer, weightDecay, clipNorm } = this.options;
    const g = this.w.map((w) => weightDecay * w);
    for (let row = 0; row < BATCH; row++) {
      const logits = Array.from({ length: 7 }, (_, k) => {
        let sum = 0;
        for (let i = 0; i < 144; i++) sum += x[row * 144 + i]! * this.w[i * 7 + k]!;
        return sum;
      });
      const top = Math.max(...logits);
      const powers = logits.map((z) => Math.exp(z - top));
      const total = powers.reduce((a, b) => a + b);
      const targets = y.subarray(row * 7, row * 7 + 7);
      const weight = targets.reduce((a, b) => a + b);
      powers.forEach((power, k) => {
        const error = (weight * power) / total - targets[k]!;
        for (let i = 0; i < 144; i++) g[i * 7 + k]! += (x[row * 144 + i]! * error) / BATCH;
      });
    }
    const norm = Math.hypot(...g);
    if (norm > clipNorm) this.clipped++;

    this.t++;
    g.forEach((raw, k) => {
      const gradient = raw * Math.min(1, clipNorm / norm);
      this.w[k]! -= learningRate * this.direction(k, gradient, optimizer);
    });
  }

  private direction(k: number, g: number, optimizer: OptimizerOptions): number {
    if (optimizer.kind === 'sgd') {
      this.m[k] = optimizer.momentum * this.m[k]! + g;
      return optimizer.nesterov ? g + optimizer.momentum * this.m[k]! : this.m[k]!;
    }
    const { beta1, beta2, epsilon } = optimizer;
    this.m[k] = beta1 * this.m[k]! + (1 - beta1) * g;
    this.v[k] = beta2 * this.v[k]! + (1 - beta2) * g * g;
    const root = Math.sqrt(this.v[k]! / (1 - beta2 ** this.t));
    return this.m[k]! / (1 - beta1 ** this.t) / (root + epsilon);
  }
}

function peak(values: Float32Array, row: number): number {
  const part = values.subarray(row * 7, row * 7 + 7);
  return part.indexOf(Math.max(...part));
}
