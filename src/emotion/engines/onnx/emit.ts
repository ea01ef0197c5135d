import type { Network, NetworkNode } from '../../network.ts';
import type { Value } from './graph.ts';
import { emitDropout, emitLeakyRelu, emitRelu, emitSigmoid } from './ops/activation.ts';
import { emitBatchNorm } from './ops/batch-norm.ts';
import { emitConv, emitDepthwiseConv } from './ops/conv.ts';
import { emitDense, emitFlatten } from './ops/dense.ts';
import { emitAdd, emitChannelScale } from './ops/merge.ts';
import type { Backward, Emitted, OpContext } from './ops/op.ts';
import { emitAveragePool, emitGlobalAveragePool, emitMaxPool } from './ops/pooling.ts';

/** One operation of the forward pass, remembered for the way back. */
interface Step {
  readonly node: NetworkNode;
  readonly backward: Backward;
}

export interface ForwardPass {
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
  const body = network.nodes.slice(0, -1);
  if (network.nodes.at(-1)?.op !== 'softmax') throw new Error(`${network.architecture.name} does not end in a softmax`);
  const shapes = new Map(network.nodes.map((node) => [node.name, node.shape]));
  const values = new Map<string, Value>();
  const steps: Step[] = [];
  for (const node of body) {
    if (node.op === 'input') {
      values.set(node.name, input);
      continue;
    }
    const inputs = node.inputs.map((name) => values.get(name)!);
    const emitted = emitNode(context, node, inputs, shapes.get(node.inputs[0]!)!);
    values.set(node.name, emitted.output);
    steps.push({ node, backward: emitted.backward });
  }
  const last = body.at(-1)!.name;
  return {
    logits: values.get(last)!,
    backward: (gradient) => emitBackward(context, network, steps, last, gradient),
  };
}

/** Walks the steps back; where a value went into several operations, their gradients add up. */
function emitBackward(
  { graph }: OpContext,
  network: Network,
  steps: readonly Step[],
  last: string,
  gradient: Value,
): Map<string, Value> {
  const learning = nodesThatLearn(network);
  const gradients = new Map<string, Value>([[last, gradient]]);
  const weights = new Map<string, Value>();
  for (const { node, backward } of steps.toReversed()) {
    const incoming = gradients.get(node.name);
    if (incoming === undefined || !learning.has(node.name)) continue;
    const wanted = node.inputs.some((name) => learning.has(name));
    const result = backward(incoming, wanted);
    for (const [name, value] of Object.entries(result.weights ?? {})) weights.set(name, value);
    node.inputs.forEach((name, k) => {
      const value = result.inputs[k];
      if (value === undefined || !learning.has(name)) return;
      const before = gradients.get(name);
      gradients.set(name, before === undefined ? value : graph.node('Add', [before, value]));
    });
  }
  return weights;
}

/** Nodes that have trainable weights or stand behind some that do: only these need a gradient. */
function nodesThatLearn(network: Network): Set<string> {
  const learning = new Set<string>();
  for (const node of network.nodes)
    if (node.weights.some((weight) => weight.trainable) || node.inputs.some((name) => learning.has(name)))
      learning.add(node.name);
  return learning;
}

function emitNode(
  context: OpContext,
  node: NetworkNode,
  inputs: readonly Value[],
  inputShape: readonly number[],
): Emitted {
  const [x, y] = inputs as [Value, Value];
  switch (node.op) {
    case 'conv':
      return emitConv(context, node, x, inputShape);
    case 'depthwiseConv':
      return emitDepthwiseConv(context, node, x, inputShape);
    case 'batchNorm':
      return emitBatchNorm(context, node, x);
    case 'relu':
      return emitRelu(context, node, x);
    case 'leakyRelu':
      return emitLeakyRelu(context, node, x);
    case 'sigmoid':
      return emitSigmoid(context, node, x);
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
    case 'add':
      return emitAdd(context, node, x, y);
    case 'channelScale':
      return emitChannelScale(context, node, x, y);
    case 'input':
    case 'softmax':
      throw new Error(`${node.op} stands inside the network`);
  }
}
