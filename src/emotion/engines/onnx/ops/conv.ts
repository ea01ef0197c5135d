import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import { type Emitted, mapsOf, type NodeOf, type OpContext } from './op.ts';
import { taps, windowAttributes } from './windows.ts';

/** Maps of at most this many pixels get their kernel gradient from one large matrix product (measured). */
const ONE_PRODUCT_PIXELS = 576;

/** Kernels that see at most this many numbers at a place get it from one product an image (measured). */
const ONE_PRODUCT_INPUTS = 64;

/** Convolution; x [n, in, h, w], kernel [out, in, k, k]. */
export function emitConv(context: OpContext, node: NodeOf<'conv'>, x: Value, inputShape: readonly number[]): Emitted {
  const { graph } = context;
  const kernelName = `${node.name}/kernel`;
  const biasName = `${node.name}/bias`;
  const kernel = context.weight(kernelName);
  const bias = node.bias ? [context.weight(biasName)] : [];
  const output = graph.node('Conv', [x, kernel, ...bias], windowAttributes(node));
  return {
    output,
    backward(gradient, wanted) {
      const n = context.batchSize!;
      const sides: ConvShape = { n, in: mapsOf(inputShape), out: mapsOf(node.shape) };
      return {
        inputs: [wanted ? inputGradient(graph, gradient, kernel, node, sides) : undefined],
        weights: {
          [kernelName]: kernelGradient(graph, x, gradient, node, sides),
          ...(node.bias ? { [biasName]: channelSum(graph, gradient) } : {}),
        },
      };
    },
  };
}

interface ConvShape {
  readonly n: number;
  readonly in: readonly [channels: number, height: number, width: number];
  readonly out: readonly [channels: number, height: number, width: number];
}

/** The gradient's sum over batch, height and width: what a bias gets. */
export function channelSum(graph: GraphBuilder, gradient: Value): Value {
  return graph.node('ReduceSum', [gradient, graph.ints(0, 2, 3)], { keepdims: 0 });
}

/**
 * The kernel's gradient: for every kernel pixel, the product of the output's gradient with the inputs that the pixel
 * met, summed over batch and positions. Large maps take a product a kernel pixel and image; small ones have too few
 * positions for that to be fast, so all pixels and the whole batch go into one product; and where few channels come in,
 * all kernel pixels share a product, because each alone would be too thin.
 */
function kernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  const [inChannels] = shape.in;
  const [outChannels, height, width] = shape.out;
  const pixels = height * width;
  const { kernel } = window;
  if (pixels <= ONE_PRODUCT_PIXELS) {
    const swap = { perm: [1, 0, 2, 3] };
    const views = taps(graph, graph.node('Transpose', [x], swap), window, height, width);
    const positions = shape.n * pixels;
    const columns = graph.node('Reshape', [concat(graph, views, 0), graph.ints(views.length * inChannels, positions)]);
    const rows = graph.node('Reshape', [graph.node('Transpose', [gradient], swap), graph.ints(outChannels, positions)]);
    const product = graph.node('Gemm', [rows, columns], { transB: 1 });
    const apart = graph.node('Reshape', [product, graph.ints(outChannels, kernel, kernel, inChannels)]);
    return graph.node('Transpose', [apart], { perm: [0, 3, 1, 2] });
  }
  const rows = graph.node('Reshape', [gradient, graph.ints(shape.n, outChannels, pixels)]);
  if (kernel * kernel * inChannels <= ONE_PRODUCT_INPUTS) {
    const views = concat(graph, taps(graph, x, window, height, width), 1);
    const columns = graph.node('Reshape', [views, graph.ints(shape.n, kernel * kernel * inChannels, pixels)]);
    const products = graph.contrib('FusedMatMul', [rows, columns], { transB: 1 });
    const sum = graph.node('ReduceSum', [products, graph.ints(0)], { keepdims: 0 });
    const apart = graph.node('Reshape', [sum, graph.ints(outChannels, kernel, kernel, inChannels)]);
    return graph.node('Transpose', [apart], { perm: [0, 3, 1, 2] });
  }
  const products = taps(graph, x, window, height, width).map((view) => {
    const columns = graph.node('Reshape', [view, graph.ints(shape.n, inChannels, pixels)]);
    const product = graph.contrib('FusedMatMul', [rows, columns], { transB: 1 });
    const sum = graph.node('ReduceSum', [product, graph.ints(0)], { keepdims: 0 });
    return graph.node('Reshape', [sum, graph.ints(outChannels, inChannels, 1)]);
  });
  return graph.node('Reshape', [concat(graph, products, 2), graph.ints(outChannels, inChannels, kernel, kernel)]);
}

function concat(graph: GraphBuilder, values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0]! : graph.node('Concat', values, { axis });
}

/**
 * The input's gradient: the transposed convolution. Where the window moves by one pixel, that is an ordinary
 * convolution with the kernel turned by 180 degrees and its channels swapped, which runs faster.
 */
function inputGradient(graph: GraphBuilder, gradient: Value, kernel: Value, node: Window, shape: ConvShape): Value {
  if (node.stride !== 1) return transposed(graph, gradient, kernel, node, shape, 1);
  const swapped = graph.node('Transpose', [turned(graph, kernel)], { perm: [1, 0, 2, 3] });
  return graph.node('Conv', [gradient, swapped], windowAttributes(opposite(node)));
}

/** A kernel turned by 180 degrees. */
function turned(graph: GraphBuilder, kernel: Value): Value {
  const last = graph.ints(-1, -1);
  return graph.node('Slice', [kernel, last, graph.ints(-(2 ** 31), -(2 ** 31)), graph.ints(2, 3), last]);
}

/** The window that undoes a window of stride 1. */
function opposite({ kernel, padding, pads }: Window): Window {
  const [top, left, bottom, right] = pads.map((pad) => kernel - 1 - pad) as [number, number, number, number];
  return { kernel, stride: 1, padding, pads: [top, left, bottom, right] };
}

/** ConvTranspose that gives exactly the input's size: pixels that no window reached come as output padding. */
export function transposed(
  graph: GraphBuilder,
  gradient: Value,
  kernel: Value,
  window: Window,
  shape: Pick<ConvShape, 'in' | 'out'>,
  group: number,
): Value {
  const [top, left, bottom, right] = window.pads;
  const rest = (input: number, output: number, pads: number) =>
    input + pads - ((output - 1) * window.stride + window.kernel);
  return graph.node('ConvTranspose', [gradient, kernel], {
    ...windowAttributes(window),
    group,
    output_padding: [rest(shape.in[1], shape.out[1], top + bottom), rest(shape.in[2], shape.out[2], left + right)],
  });
}

/** Depthwise convolution; x [n, c, h, w], kernel [c, 1, k, k]. */
export function emitDepthwiseConv(
  context: OpContext,
  node: NodeOf<'depthwiseConv'>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  const { graph } = context;
  const kernelName = `${node.name}/depthwise_kernel`;
  const biasName = `${node.name}/bias`;
  const kernel = context.weight(kernelName);
  const bias = node.bias ? [context.weight(biasName)] : [];
  const group = mapsOf(node.shape)[0];
  const output = graph.node('Conv', [x, kernel, ...bias], { ...windowAttributes(node), group });
  return {
    output,
    backward(gradient, wanted) {
      const [channels, height, width] = mapsOf(node.shape);
      const sums = taps(graph, x, node, height, width).map((view) => {
        const sum = channelSum(graph, graph.node('Mul', [view, gradient]));
        return graph.node('Reshape', [sum, graph.ints(channels, 1, 1)]);
      });
      const together = graph.node('Reshape', [
        concat(graph, sums, 2),
        graph.ints(channels, 1, node.kernel, node.kernel),
      ]);
      const shape = { in: mapsOf(inputShape), out: mapsOf(node.shape) };
      const back = () =>
        node.stride === 1
          ? graph.node('Conv', [gradient, turned(graph, kernel)], { ...windowAttributes(opposite(node)), group })
          : transposed(graph, gradient, kernel, node, shape, group);
      return {
        inputs: [wanted ? back() : undefined],
        weights: { [kernelName]: together, ...(node.bias ? { [biasName]: channelSum(graph, gradient) } : {}) },
      };
    },
  };
}
