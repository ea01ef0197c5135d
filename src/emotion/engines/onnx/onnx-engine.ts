import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { Network, Weights } from '../../network.ts';
import type { Engine, Predictor } from '../engine.ts';
import { INFERENCE_INPUT, INFERENCE_OUTPUT, inferenceGraph } from './inference-graph.ts';
import { channelsFirst, sessionOptions } from './session.ts';
import { startTraining } from './training-session.ts';

export interface OnnxEngineOptions {
  /**
   * Threads to compute with, where a call does not say. By default one a processor that this process may use;
   * onnxruntime's own choice, one a physical core, would leave half of a small virtual machine idle.
   */
  readonly threads?: number;
}

/** The default engine: onnxruntime, for which we write the graphs, those of training included. */
export function createOnnxEngine({ threads = availableParallelism() }: OnnxEngineOptions = {}): Engine {
  return {
    name: 'onnx',
    device: `CPU, ${threads} thread${threads === 1 ? '' : 's'}`,
    predictor: (network, weights, options) => createPredictor(network, weights, options?.threads ?? threads),
    trainer: (network, weights, options) => startTraining(network, weights, { threads, ...options }),
  };
}

async function createPredictor(network: Network, weights: Weights, threads?: number): Promise<Predictor> {
  const session = await ort.InferenceSession.create(inferenceGraph(network, weights), sessionOptions(threads));
  const [height, width, channels] = network.architecture.input;
  return {
    async predict(x, count) {
      if (x.length !== count * height * width * channels)
        throw new Error(`${x.length} numbers are not ${count} inputs of ${height}x${width}x${channels}`);
      const tensor = new ort.Tensor('float32', channelsFirst(x, count, network.architecture.input), [
        count,
        channels,
        height,
        width,
      ]);
      const results = await session.run({ [INFERENCE_INPUT]: tensor });
      return results[INFERENCE_OUTPUT]!.data as Float32Array;
    },
    dispose: () => session.release(),
  };
}
