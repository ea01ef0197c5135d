import '../../../base/no-telemetry.ts';

import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { Network, NetworkNode, Weights } from '../../network.ts';
import { checkInputs, type Engine, type Predictor, type Provider } from '../engine.ts';
import { emitForward } from './emit.ts';
import { GraphBuilder, type Value } from './graph.ts';
import { channelsFirst, onnxShape, toOnnx } from './layout.ts';
import type { OpContext } from './ops/op.ts';
import { sessionOptions } from './session.ts';
import { startTraining } from './training-session.ts';

/** Input and output of an inference graph: "x" [n, c, h, w] in, "probabilities" [n, classes] out. */
const INFERENCE_INPUT = 'x';
const INFERENCE_OUTPUT = 'probabilities';

interface OnnxEngineOptions {
  /**
   * Threads for calls that do not give a number. By default one for each processor that this process may use. onnxruntime's own
   * default, one for each physical core, would leave half of a small virtual machine idle.
   */
  readonly threads?: number;
  /** The provider that faces are read with. It must be available: see `providerTrouble`. Training always uses the CPU. */
  readonly provider?: Provider;
}

const DEVICES: Readonly<Record<Exclude<Provider, 'cpu'>, string>> = {
  webgpu: 'a card by WebGPU',
  cuda: 'a card by CUDA',
};

/** The default engine: onnxruntime with graphs written here, for inference and for training. */
export function createOnnxEngine(options: OnnxEngineOptions = {}): Engine {
  const { threads = availableParallelism(), provider = 'cpu' } = options;
  return {
    name: 'onnx',
    device: provider === 'cpu' ? `CPU, ${threads} thread${threads === 1 ? '' : 's'}` : DEVICES[provider],
    predictor: (network, weights, own) => createPredictor(network, weights, own?.threads ?? threads, provider),
    trainer: (network, weights, options) => startTraining(network, weights, { threads, ...options }),
  };
}

async function createPredictor(
  network: Network,
  weights: Weights,
  threads: number,
  provider: Provider,
): Promise<Predictor> {
  const graph = inferenceGraph(network, weights);
  const session = await ort.InferenceSession.create(graph, sessionOptions(threads, provider));
  return {
    async predict(x, count) {
      const results = await session.run(inferenceInput(network, x, count));
      return results[INFERENCE_OUTPUT]!.data as Float32Array;
    },
    dispose: () => session.release(),
  };
}

/** The inputs for a session of an inference graph. @throws Error if x is not `count` inputs of the network, channels last */
export function inferenceInput(network: Network, x: Float32Array, count: number): ort.InferenceSession.FeedsType {
  checkInputs(network, x, count);
  const { input } = network.architecture;
  const [height, width, channels] = input;
  return {
    [INFERENCE_INPUT]: new ort.Tensor('float32', channelsFirst(x, count, input), [count, channels, height, width]),
  };
}

/**
 * A network with its weights as an ONNX model for any number of inputs. onnxruntime folds batch normalisations into convolutions.
 * @param observe called with the input of each batch normalisation
 */
export function inferenceGraph(
  network: Network,
  weights: Weights,
  observe?: (graph: GraphBuilder, node: NetworkNode, x: Value) => void,
): Uint8Array {
  const graph = new GraphBuilder();
  const specs = new Map(network.weights.map((spec) => [spec.name, spec]));
  const context: OpContext = {
    graph,
    batchSize: undefined,
    channelBlock: 0, // onnxruntime puts constant kernels into blocks by itself
    weight(name) {
      const spec = specs.get(name)!;
      return graph.tensor(toOnnx(spec, weights.get(name)!), onnxShape(spec), name);
    },
    observe: observe && ((node, x) => observe(graph, node, x)),
    update() {
      throw new Error('an inference graph updates nothing');
    },
    mask() {
      throw new Error('an inference graph drops nothing');
    },
  };
  const [height, width, channels] = network.architecture.input;
  const input = graph.input(INFERENCE_INPUT, ['n', channels, height, width]);
  const { logits } = emitForward(context, network, input);
  const probabilities = graph.node('Softmax', [logits], { axis: 1 });
  graph.output(INFERENCE_OUTPUT, ['n', network.nodes.at(-1)!.shape[0]!], probabilities);
  return graph.encode(network.architecture.name);
}
