import { PURPOSE, Random } from '../../base/random.ts';
import { type Network, sizeOf, type WeightSpec, type Weights } from '../../emotion/network.ts';

/**
 * Weights to start training from, the same for the same seed: kernels normal with variance 2 / fan-in (He et al. 2015,
 * arXiv 1502.01852), the last dense one uniform with variance 2 / (fan-in + fan-out) (Glorot & Bengio 2010), scales and
 * running variances 1, all else 0.
 */
export function initialWeights(network: Network, seed: number): Weights {
  const last = network.weights.findLast((spec) => spec.role === 'kernel');
  return new Map(
    network.weights.map((spec, index) => {
      const random = new Random(PURPOSE.weights, seed, index);
      return [spec.name, spec === last ? glorotUniform(spec, random) : initial(spec, random)];
    }),
  );
}

function initial(spec: WeightSpec, random: Random): Float32Array {
  const data = new Float32Array(sizeOf(spec.shape));
  if (spec.role === 'gamma' || spec.role === 'movingVariance') return data.fill(1);
  if (spec.role !== 'kernel') return data;
  const deviation = Math.sqrt(2 / sizeOf(spec.shape.slice(0, -1)));
  return data.map(() => deviation * normal(random));
}

/** A dense kernel [in, out], uniform in +-sqrt(6 / (in + out)). */
function glorotUniform(spec: WeightSpec, random: Random): Float32Array {
  const limit = Math.sqrt(6 / (spec.shape.at(-2)! + spec.shape.at(-1)!));
  return new Float32Array(sizeOf(spec.shape)).map(() => random.between(-limit, limit));
}

/** A number of the standard normal distribution, by Box and Muller (1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
