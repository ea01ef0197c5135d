import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Network, NetworkNode, Weights } from '../../src/emotion/network.ts';

/** TensorFlow.js's cpu backend as the oracle of what our networks mean. */

/** Reads a model directory as TensorFlow.js's own file handler (which only tfjs-node has) does. */
export function fromDirectory(directory: string): tf.io.IOHandler {
  return {
    load: async () => {
      const json = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8')) as tf.io.ModelJSON;
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const parts = await Promise.all(
          manifest.flatMap((group) => group.paths).map((path) => readFile(join(directory, path))),
        );
        const data = new Uint8Array(Buffer.concat(parts)).buffer;
        return [manifest.flatMap((group) => group.weights), data];
      });
    },
  };
}

/**
 * Probabilities of a network, worked out node by node with TensorFlow's plain operations: no layers, no file format.
 *
 * @param x count * height * width * channels inputs
 */
export function reference(network: Network, weights: Weights, x: Float32Array, count: number): Float32Array {
  return tf.tidy(() => {
    const [input, ...others] = network.nodes;
    const values = new Map<string, tf.Tensor>([[input!.name, tf.tensor(x, [count, ...input!.shape])]]);
    for (const node of others) {
      const [value, other] = node.inputs.map((name) => values.get(name)!);
      values.set(node.name, node.op === 'add' ? tf.add(value!, other!) : compute(node, value!, weights));
    }
    return values.get(others.at(-1)!.name)!.dataSync<'float32'>().slice();
  });
}

function compute(node: NetworkNode, x: tf.Tensor, weights: Weights): tf.Tensor {
  const maps = x as tf.Tensor4D;
  const [kernelOrGamma, ...others] = node.weights.map(({ name, shape }) =>
    tf.tensor(weights.get(name)!, [...shape] as [number]),
  );
  const biased = (y: tf.Tensor) => (others[0] ? tf.add(y, others[0]) : y);
  switch (node.op) {
    case 'conv':
      return biased(tf.conv2d(maps, kernelOrGamma as unknown as tf.Tensor4D, node.stride, node.padding));
    case 'dense':
      return biased(tf.matMul(x, kernelOrGamma!));
    case 'batchNorm': {
      const [beta, mean, variance] = others;
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean!), tf.rsqrt(tf.add(variance!, node.epsilon))), kernelOrGamma!), beta!);
    }
    case 'relu':
      return tf.relu(x);
    case 'softmax':
      return tf.softmax(x);
    case 'maxPool':
      return tf.maxPool(maps, node.kernel, node.stride, node.padding);
    case 'averagePool':
      return tf.avgPool(maps, node.kernel, node.stride, node.padding);
    case 'globalAveragePool':
      return tf.mean(x, [1, 2]);
    case 'flatten':
      return tf.reshape(x, [x.shape[0]!, -1]);
    case 'dropout':
      return x;
    case 'input':
    case 'add':
      throw new Error(`${node.op} takes no single value`);
  }
}
