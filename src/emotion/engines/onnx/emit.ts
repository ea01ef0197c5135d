import type { Network, NetworkNode } from '../../network.ts';
import type { Value } from './graph.ts';
import { emitConv } from './ops/conv.ts';
import { emitAdd, emitDense, emitDropout, emitFlatten, emitRelu } from './ops/core.ts';
import { emitBatchNorm } from './ops/normalisation.ts';
import type { Backward, Emitted, OpContext } from './ops/op.ts';
import { emitAveragePool, emitGlobalAveragePool, emitMaxPool } from './ops/pooling.ts';

interface ForwardPass {
  /** The input of the final softmax: [n, classes]. */
  readonly logits: Value;
  /** Emits the backward pass from the gradient of the logits. Returns the gradient of every trainable weight by name. */
  backward(gradient: Value): Map<string, Value>;
}

/**
 * Emits a network without its final softmax, which training and inference compute in different backwardPasses.
 * @throws Error if the network does not end in a softmax
 */
export function emitForward(context: OpContext, network: Network, input: Value): ForwardPass {
  const { nodes } = network;
  if (nodes.at(-1)?.op !== 'softmax') throw new Error(`${network.architecture.name} does not end in a softmax`);
  const shapes = new Map(nodes.map(({ name, shape }) => [name, shape]));
  const values = new Map([[nodes[0]!.name, input]]);
  const backwardPasses: Backward[] = [];
  const inside = nodes.slice(1, -1);
  for (const node of inside) {
    const [x, other] = node.inputs.map((name) => values.get(name)!);
    const { output, backward } =
      node.op === 'add' ? emitAdd(context, x!, other!) : emitNode(context, node, x!, shapes.get(node.inputs[0]!)!);
    values.set(node.name, output);
    backwardPasses.push(backward);
  }
  const last = inside.at(-1)!.name;
  return {
    logits: values.get(last)!,
    backward: (gradient) => emitBackward(context, inside, backwardPasses, new Map([[last, gradient]])),
  };
}

/** Emits gradients back to the first trainable node. If two nodes use one output, its gradients are added up. */
function emitBackward(
  { graph }: OpContext,
  nodes: readonly NetworkNode[],
  backwardPasses: readonly Backward[],
  gradients: Map<string, Value>,
): Map<string, Value> {
  const first = nodes.findIndex((node) => node.weights.some((weight) => weight.trainable));
  const weights = new Map<string, Value>();
  for (let k = nodes.length - 1; first >= 0 && k >= first; k--) {
    const node = nodes[k]!;
    const gradient = gradients.get(node.name);
    if (gradient === undefined) continue;
    const result = backwardPasses[k]!(gradient, k > first);
    for (const [name, value] of Object.entries(result.weights ?? {})) weights.set(name, value);
    for (const name of result.input === undefined ? [] : node.inputs) {
      const other = gradients.get(name);
      gradients.set(name, other === undefined ? result.input! : graph.node('Add', [other, result.input!]));
    }
  }
  return weights;
}

function emitNode(
  context: OpContext,
  node: Exclude<NetworkNode, { op: 'add' }>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  switch (node.op) {
    case 'conv':
      return emitConv(context, node, x, inputShape);
    case 'batchNorm':
      return emitBatchNorm(context, node, x);
    case 'relu':
      return emitRelu(context, node, x);
    case 'maxPool':
      return emitMaxPool(context, node, x, inputShape);
    case 'averagePool':
      return emitAveragePool(context, node, x, inputShape);
    case 'globalAveragePool':
      return emitGlobalAveragePool(context, node, x, inputShape);
    case 'flatten':
      return emitFlatten(context, node, x, inputShape);
    case 'dropout':
      return emitDropout(context, node, x);
    case 'dense':
      return emitDense(context, node, x);
    case 'input':
    case 'softmax':
      throw new Error(`${node.op} stands inside the network`);
  }
}
