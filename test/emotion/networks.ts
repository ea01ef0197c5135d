import { Random } from '../../src/base/random.ts';
import type { Architecture, Layer } from '../../src/emotion/architectures.ts';
import type { TrainingBatch } from '../../src/emotion/engines/engine.ts';
import { type Network, sizeOf, type WeightSpec, type Weights } from '../../src/emotion/network.ts';

/** Tiny networks and seeded numbers for tests: TensorFlow.js's cpu backend, the oracle, takes milliseconds an operation. */

/** Numbers 0..1 that are the same every time. */
export function seeded(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

/** count numbers spread evenly over -1..1, times `scale`, plus `offset`. */
export function uniform(count: number, random: () => number, scale = 1, offset = 0): Float32Array {
  return Float32Array.from({ length: count }, () => offset + scale * (2 * random() - 1));
}

export function architecture(name: string, layers: readonly Layer[]): Architecture {
  return { name, summary: 'for tests', input: [12, 12, 1], layers };
}

const head = [{ kind: 'dense', units: 7 }, { kind: 'softmax' }] as const;

/** Convolutions, batch normalisation, max pooling: the shape of the networks that we ship. */
export const PLAIN = architecture('plain', [
  { kind: 'conv', filters: 4, kernel: 3 },
  { kind: 'batchNorm' },
  { kind: 'relu' },
  { kind: 'maxPool', size: 2 },
  { kind: 'conv', filters: 6, kernel: 3, bias: true },
  { kind: 'relu' },
  { kind: 'globalAveragePool' },
  ...head,
]);

/** Strides, overlapping pools with and without padding, kernels of even size, a hidden dense layer. */
export const POOLED = architecture('pooled', [
  // No bias before a batch normalisation: its gradient is zero but for rounding, which Adam blows up to full steps.
  { kind: 'conv', filters: 4, kernel: 3, stride: 2 },
  { kind: 'batchNorm', momentum: 0.8, epsilon: 1e-3 },
  { kind: 'relu' },
  { kind: 'maxPool', size: 3, stride: 2, padding: 'same' },
  { kind: 'conv', filters: 5, kernel: 2, padding: 'valid' },
  { kind: 'averagePool', size: 2, stride: 1 },
  { kind: 'flatten' },
  { kind: 'dense', units: 6, bias: false },
  { kind: 'relu' },
  ...head,
]);

/** With PLAIN, every operation there is: POOLED with padded average pooling, a residual and dropout. */
export const EVERY_LAYER = architecture('every-layer', [
  { kind: 'averagePool', size: 3, stride: 1, padding: 'same' },
  ...POOLED.layers.slice(0, 6),
  {
    kind: 'residual',
    body: [
      { kind: 'conv', filters: 5, kernel: 3 },
      { kind: 'batchNorm' },
      { kind: 'relu' },
      { kind: 'conv', filters: 5, kernel: 3 },
    ],
    shortcut: [{ kind: 'conv', filters: 5, kernel: 1 }],
  },
  ...POOLED.layers.slice(6, -2),
  { kind: 'dropout', rate: 0.4 },
  ...head,
]);

/** Channels enough for the faster ways that the onnx engine has to convolve: by blocks, and by Winograd's transforms. */
export const WIDE = architecture('wide', [
  { kind: 'conv', filters: 16, kernel: 3, stride: 2 },
  { kind: 'batchNorm' },
  { kind: 'relu' },
  { kind: 'conv', filters: 16, kernel: 3 },
  { kind: 'batchNorm' },
  { kind: 'relu' },
  { kind: 'conv', filters: 32, kernel: 3, padding: 'valid', bias: true },
  { kind: 'relu' },
  { kind: 'globalAveragePool' },
  ...head,
]);

/** Weights as a trained network might have them: nothing is 0 or 1, variances are positive. */
export function randomWeights(network: Network, seed = 1): Weights {
  const random = seeded(seed);
  return new Map(network.weights.map((weight) => [weight.name, randomWeight(weight, random)]));
}

function randomWeight({ role, shape }: WeightSpec, random: () => number): Float32Array {
  const count = sizeOf(shape);
  switch (role) {
    case 'kernel':
      // Glorot & Bengio's uniform bound with the fan-in alone keeps activations near 1.
      return uniform(count, random, Math.sqrt(3 / (count / shape.at(-1)!)));
    case 'gamma':
    case 'movingVariance':
      return uniform(count, random, 0.4, 1);
    case 'bias':
    case 'beta':
    case 'movingMean':
      return uniform(count, random, 0.3);
  }
}

/** `count` inputs of the network, channels last. */
export function randomInputs(network: Network, count: number, seed = 2): Float32Array {
  return uniform(count * sizeOf(network.architecture.input), seeded(seed), 1.5);
}

/** A batch of training data of its own for every index; targets are soft and a row sums to about 1.4, not 1. */
export function randomBatch(network: Network, count: number, index = 0): TrainingBatch {
  const random = seeded(100 + index);
  const classes = network.nodes.at(-1)!.shape[0]!;
  const x = uniform(count * sizeOf(network.architecture.input), random, 1.5);
  const y = uniform(count * classes, random, 0.2, 0.2);
  return { x, y, epoch: 0, index };
}

/** The largest absolute difference; NaN where a number is missing or not one. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  for (let k = 0; k < a.length; k++) {
    const difference = Math.abs(a[k]! - b[k]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
