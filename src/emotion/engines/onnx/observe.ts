import * as ort from 'onnxruntime-node';
import type { Network, Weights } from '../../network.ts';
import { inferenceGraph, inferenceInput } from './onnx-engine.ts';
import { sessionOptions } from './session.ts';

/** One number per channel. */
interface Spread {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/**
 * Mean and (biased) variance of each channel at the inputs of a network's batch normalisations. For this the normalisations use
 * their running statistics, not the inputs' own.
 * @param x count inputs of the network, channels last
 * @returns the statistics by the normalisation's name
 */
export async function normalisedSpreads(
  network: Network,
  weights: Weights,
  x: Float32Array,
  count: number,
): Promise<Map<string, Spread>> {
  const input = inferenceInput(network, x, count);
  const names: string[] = [];
  const graph = inferenceGraph(network, weights, (builder, { name, shape }, value) => {
    const axes = shape.length === 3 ? [0, 2, 3] : [0];
    const mean = (of: string) => builder.node('ReduceMean', [of], { axes, keepdims: 0 });
    builder.output(`${name}/mean`, [shape.at(-1)!], mean(value));
    builder.output(`${name}/square`, [shape.at(-1)!], mean(builder.node('Mul', [value, value])));
    names.push(name);
  });
  const session = await ort.InferenceSession.create(graph, sessionOptions(1));
  try {
    const results = await session.run(input);
    const read = (name: string) => results[name]!.data as Float32Array;
    return new Map(
      names.map((name) => {
        const mean = read(`${name}/mean`).slice();
        const variance = read(`${name}/square`).map((square, k) => Math.max(0, square - mean[k]! ** 2));
        return [name, { mean, variance }];
      }),
    );
  } finally {
    await session.release();
  }
}
