import { Random } from '../../src/base/random.ts';
import type { Architecture, Layer } from '../../src/emotion/architectures.ts';
import { type Network, sizeOf, unroll, type Weights } from '../../src/emotion/network.ts';

/** A network of the given layers, closed by a dense layer of 3 classes and a softmax. */
export function smallNetwork(layers: readonly Layer[], input: Architecture['input'] = [6, 5, 2]): Network {
  const closing: Layer[] = [{ kind: 'flatten' }, { kind: 'dense', units: 3 }, { kind: 'softmax' }];
  return unroll({ name: 'small', summary: 'for tests', input, layers: [...layers, ...closing] });
}

/** Numbers spread evenly over -1..1, the same for the same seed. */
export function numbers(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return new Float32Array(count).map(() => random.between(-1, 1));
}

/** Weights without structure for every weight of a network; scales and running variances stay positive. */
export function someWeights(network: Network, seed = 1): Weights {
  return new Map(
    network.weights.map((spec, k) => {
      const data = numbers(sizeOf(spec.shape), seed * 1000 + k);
      const positive = spec.role === 'gamma' || spec.role === 'movingVariance';
      return [spec.name, positive ? data.map((value) => 1 + value / 2) : data];
    }),
  );
}

/** Targets that are neither one-hot nor sum to 1, [count, classes]. */
export function softTargets(count: number, classes: number, seed = 5): Float32Array {
  return numbers(count * classes, seed).map((value) => (value + 1) / 2);
}
