import type { LayersModel, Variable } from '@tensorflow/tfjs';
import { type TopologyOptions, topologyOf } from '../../layers-format/topology.ts';
import { encodeWeights, inNetworkOrder } from '../../layers-format/weights-file.ts';
import type { Network, Weights } from '../../network.ts';
import type { TensorFlow } from './runtime.ts';

/** Builds the LayersModel of a network and gives it its weights. The caller disposes it. */
export async function buildModel(
  tf: TensorFlow,
  network: Network,
  weights: Weights,
  options?: TopologyOptions,
): Promise<LayersModel> {
  const { entries, bytes } = encodeWeights(inNetworkOrder(network, weights));
  // Unlike modelFromJSON, loading does not draw initial weights that would be overwritten.
  return tf.loadLayersModel({
    load: async () => ({
      modelTopology: topologyOf(network, options),
      weightSpecs: entries.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })),
      weightData: bytes.buffer,
    }),
  });
}

/** The variables of a model by the network's names of its weights, in the network's order. */
export function variablesOf(model: LayersModel, network: Network): Map<string, Variable> {
  // A second model in one process gets unique names for its variables; the original ones are the network's.
  const byName = new Map(model.weights.map((weight) => [weight.originalName, weight.read() as Variable]));
  return new Map(network.weights.map(({ name }) => [name, byName.get(name)!]));
}

/** Copies of the variables' numbers. */
export async function readVariables(variables: ReadonlyMap<string, Variable>): Promise<Map<string, Float32Array>> {
  const entries = [...variables].map(async ([name, variable]) => {
    const data = await variable.data<'float32'>();
    // The cpu backend returns its own array, which the next step may change.
    return [name, Float32Array.from(data)] as const;
  });
  return new Map(await Promise.all(entries));
}
