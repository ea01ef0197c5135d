import type { Network, Weights } from '../../network.ts';
import { emitForward } from './emit.ts';
import { GraphBuilder } from './graph.ts';
import { onnxShape, toOnnx } from './layout.ts';
import type { OpContext } from './ops/op.ts';

/** Names of the graph's ends: "x" [n, c, h, w] in, "probabilities" [n, classes] out. */
export const INFERENCE_INPUT = 'x';
export const INFERENCE_OUTPUT = 'probabilities';

/** A network with its weights as an ONNX model for any number of inputs. onnxruntime folds batch norm into convs. */
export function inferenceGraph(network: Network, weights: Weights): Uint8Array {
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
