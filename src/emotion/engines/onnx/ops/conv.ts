import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import { blockedConv, fillsBlocks } from './blocked-conv.ts';
import { kernelGradient } from './kernel-gradient.ts';
import { channelSum } from './normalisation.ts';
import {
  type ConvShape,
  type Emitted,
  type EmittedConv,
  mapsOf,
  type NodeOf,
  type OpContext,
  windowAttributes,
} from './op.ts';
import { winogradConv, winogradTiles } from './winograd.ts';

/**
 * Convolution; x [n, in, h, w], kernel [out, in, k, k]. An inference graph uses onnxruntime's Conv. In training, kernels are
 * not constant, and the method is chosen by the sizes.
 */
export function emitConv(context: OpContext, node: NodeOf<'conv'>, x: Value, inputShape: readonly number[]): Emitted {
  const { graph } = context;
  const kernelName = `${node.name}/kernel`;
  const biasName = `${node.name}/bias`;
  const kernel = context.weight(kernelName);
  const bias = node.bias ? context.weight(biasName) : undefined;
  const shape: ConvShape = { n: context.batchSize ?? 0, in: mapsOf(inputShape), out: mapsOf(node.shape) };
  const tiles = context.batchSize === undefined ? undefined : winogradTiles(node, shape);
  const conv = tiles
    ? winogradConv(graph, x, kernel, bias, node, shape, tiles)
    : directConv(context, x, kernel, bias, node, shape);
  return {
    output: conv.output,
    backward(gradient, wanted) {
      const gradients = conv.gradients(gradient, wanted);
      return {
        input: gradients.input,
        weights: {
          [kernelName]: gradients.kernel,
          ...(node.bias ? { [biasName]: channelSum(graph, gradient) } : {}),
        },
      };
    },
  };
}

/** A convolution by onnxruntime's own kernels. */
function directConv(
  context: OpContext,
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  window: Window,
  shape: ConvShape,
): EmittedConv {
  return {
    output: onnxConv(context, x, kernel, bias, window, shape),
    gradients: (gradient, wanted) => ({
      input: wanted ? inputGradient(context, gradient, kernel, window, shape) : undefined,
      kernel: kernelGradient(context.graph, x, gradient, window, shape),
    }),
  };
}

function onnxConv(
  { graph, channelBlock }: OpContext,
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  window: Window,
  shape: ConvShape,
): Value {
  if (fillsBlocks(channelBlock, shape)) return blockedConv(graph, x, kernel, bias, window, shape, channelBlock);
  return graph.node('Conv', [x, kernel, ...(bias ? [bias] : [])], windowAttributes(window));
}

/**
 * The gradient of the input: the transposed convolution. With stride 1 this equals an ordinary convolution with the kernel
 * rotated by 180 degrees and its channels swapped, which runs faster.
 */
function inputGradient(context: OpContext, gradient: Value, kernel: Value, window: Window, shape: ConvShape): Value {
  const { graph } = context;
  if (window.stride !== 1) return transposed(graph, gradient, kernel, window, shape);
  const swapped = graph.node('Transpose', [turned(graph, kernel)], { perm: [1, 0, 2, 3] });
  const back: ConvShape = { n: shape.n, in: shape.out, out: shape.in };
  return onnxConv(context, gradient, swapped, undefined, opposite(window), back);
}

/** A kernel rotated by 180 degrees. */
function turned(graph: GraphBuilder, kernel: Value): Value {
  const last = graph.ints(-1, -1);
  return graph.node('Slice', [kernel, last, graph.ints(-(2 ** 31), -(2 ** 31)), graph.ints(2, 3), last]);
}

/** The window of the transposed convolution, for a window of stride 1. */
function opposite({ kernel, padding, pads }: Window): Window {
  const [top, left, bottom, right] = pads.map((pad) => kernel - 1 - pad) as [number, number, number, number];
  return { kernel, stride: 1, padding, pads: [top, left, bottom, right] };
}

/** ConvTranspose that gives exactly the input's size. Pixels that no window reached are added as output padding. */
export function transposed(
  graph: GraphBuilder,
  gradient: Value,
  kernel: Value,
  window: Window,
  shape: Pick<ConvShape, 'in' | 'out'>,
): Value {
  const [top, left, bottom, right] = window.pads;
  const rest = (input: number, output: number, pads: number) =>
    input + pads - ((output - 1) * window.stride + window.kernel);
  return graph.node('ConvTranspose', [gradient, kernel], {
    ...windowAttributes(window),
    output_padding: [rest(shape.in[1], shape.out[1], top + bottom), rest(shape.in[2], shape.out[2], left + right)],
  });
}
