import type { Network, Weights } from '../../network.ts';
import type { Engine, Predictor } from '../engine.ts';
import { buildModel } from './model.ts';
import type { Runtime, TensorFlow } from './runtime.ts';
import { startTraining } from './training-session.ts';

/**
 * The engine that computes with TensorFlow.js, whichever of its packages `findRuntime` loaded: a LayersModel is built
 * from the network and trained by model.fit. TensorFlow shares its threads among all its work and TensorFlow.js has no
 * way to set their number, so the `threads` options have no effect here.
 */
export function createTensorflowEngine({ tf, package: name, gpu }: Runtime): Engine {
  return {
    name: 'tensorflow',
    device: `${gpu ? 'GPU' : 'CPU'}, ${name}`,
    predictor: (network, weights) => createPredictor(tf, network, weights),
    trainer: (network, weights, options) => startTraining(tf, network, weights, options),
  };
}

async function createPredictor(tf: TensorFlow, network: Network, weights: Weights): Promise<Predictor> {
  const model = await buildModel(tf, network, weights);
  const shape = network.architecture.input;
  const [height, width, channels] = shape;
  return {
    async predict(x, count) {
      if (x.length !== count * height * width * channels)
        throw new Error(`${x.length} numbers are not ${count} inputs of ${height}x${width}x${channels}`);
      if (count === 0) return new Float32Array(0);
      const output = tf.tidy(() => {
        const probabilities = model.predictOnBatch(tf.tensor(x, [count, ...shape]));
        return Array.isArray(probabilities) ? probabilities[0]! : probabilities;
      });
      try {
        return Float32Array.from(await output.data<'float32'>());
      } finally {
        output.dispose();
      }
    },
    async dispose() {
      model.dispose();
    },
  };
}
