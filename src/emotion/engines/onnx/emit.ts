import type { Network, NetworkNode } from '../../network.ts';
import type { Value } from './graph.ts';
import { emitConv } from './ops/conv.ts';
import { emitDense, emitDropout, emitFlatten, emitRelu } from './ops/core.ts';
import { emitBatchNorm } from './ops/normalisation.ts';
import type { Backward, Emitted, OpContext } from './ops/op.ts';
import { emitAveragePool, emitGlobalAveragePool, emitMaxPool } from './ops/pooling.ts';

interface ForwardPass {
  /** What goes into the closing softmax: [n, classes]. */
  readonly logits: Value;
  /** Emits the way back from the gradient of the logits; gives every trainable weight's gradient by name. */
  backward(gradient: Value): Map<string, Value>;
}

/**
 * Emits all of a network but its closing softmax, which the caller needs in different forms.
 * @throws Error where the network does not end in a softmax
 */
export function emitForward(context: OpContext, network: Network, input: Value): ForwardPass {
  const { nodes } = network;
  if (nodes.at(-1)?.op !== 'softmax') throw new Error(`${network.architecture.name} does not end in a softmax`);
  let value = input;
  const ways: Backward[] = [];
  for (const [k, node] of nodes.entries()) {
    if (k === 0 || k === nodes.length - 1) continue;
    const { output, backward } = emitNode(context, node, value, nodes[k - 1]!.shape);
    value = output;
    ways.push(backward);
  }
  return { logits: value, backward: (gradient) => emitBackward(nodes.slice(1, -1), ways, gradient) };
}

/** Walks back as far as the first node that learns. */
function emitBackward(nodes: readonly NetworkNode[], ways: readonly Backward[], logits: Value): Map<string, Value> {
  const first = nodes.findIndex((node) => node.weights.some((weight) => weight.trainable));
  const weights = new Map<string, Value>();
  let gradient: Value | undefined = logits;
  for (let k = nodes.length - 1; first >= 0 && k >= first && gradient !== undefined; k--) {
    const result = ways[k]!(gradient, k > first);
    for (const [name, value] of Object.entries(result.weights ?? {})) weights.set(name, value);
    gradient = result.input;
  }
  return weights;
}

function emitNode(context: OpContext, node: NetworkNode, x: Value, inputShape: readonly number[]): Emitted {
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
