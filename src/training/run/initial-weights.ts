import { UserError } from '../../base/errors.ts';
import { PURPOSE, Random } from '../../base/random.ts';
import { type Network, sizeOf, type WeightSpec, type Weights } from '../../emotion/network.ts';

/**
 * Weights to start training from, the same for the same seed:
 * - kernels: normal with variance 2 / fan-in (He et al. 2015, arXiv 1502.01852);
 * - the last dense kernel: uniform with variance 2 / (fan-in + fan-out) (Glorot & Bengio 2010);
 * - scales and running variances 1, all else 0.
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

/**
 * Makes starting weights from those of another network. Where all shapes are equal they are the same. The other network may
 * also have the same layers with fewer channels: then new channels are added, which begin as in `initialWeights`. Old channels
 * get no input from new ones at first, so faces are read as before until training mixes them. (Function-preserving, as in Chen
 * et al. 2016, arXiv 1511.05641, though there channels are copied.)
 * @throws UserError 'bad-usage' where the layers differ or are wider
 */
export function weightsFrom(from: { network: Network; weights: Weights }, network: Network, seed: number): Weights {
  const refuse = (name: string) =>
    new UserError(
      'bad-usage',
      `The weights to start from are not those of ${network.architecture.name} or of a narrower network of the same layers (${name}).`,
    );
  const fresh = initialWeights(network, seed);
  const flat = network.nodes.some(({ op }) => op === 'flatten');
  if (from.network.weights.length !== network.weights.length) throw refuse('another number of layers');
  for (const [index, spec] of network.weights.entries()) {
    const old = from.network.weights[index]!;
    const equal = old.shape.join() === spec.shape.join();
    if (old.role !== spec.role || !(equal || (!flat && narrower(old.shape, spec.shape)))) throw refuse(spec.name);
    widen(fresh.get(spec.name)!, spec.shape, from.weights.get(old.name)!, old.shape);
  }
  return fresh;
}

/** Whether the last two dimensions are equal or smaller, and those before them, a kernel's height and width, are equal. */
function narrower(old: readonly number[], wide: readonly number[]): boolean {
  const channels = Math.min(2, wide.length);
  return (
    old.length === wide.length &&
    old.every((size, k) => size === wide[k] || (k >= wide.length - channels && size < wide[k]!))
  );
}

/** Copies `[..., in, out]` (or `[out]`) into the corner of a larger one. Weights from new inputs to old outputs become 0. */
function widen(data: Float32Array, shape: readonly number[], old: Float32Array, oldShape: readonly number[]): void {
  const [inputs, outputs] = [shape.at(-2) ?? 1, shape.at(-1)!];
  const [oldInputs, oldOutputs] = [oldShape.at(-2) ?? 1, oldShape.at(-1)!];
  for (let outer = 0; outer < data.length / (inputs * outputs); outer++)
    for (let input = 0; input < inputs; input++)
      for (let output = 0; output < oldOutputs; output++)
        data[(outer * inputs + input) * outputs + output] =
          input < oldInputs ? old[(outer * oldInputs + input) * oldOutputs + output]! : 0;
}
