import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import { type Emitted, mapsOf, type NodeOf, type OpContext } from './op.ts';
import { taps, windowAttributes } from './windows.ts';

/** Kernels that see at most this many numbers at a place get their gradient from one product an image (measured). */
const THIN_INPUTS = 64;

/**
 * In training, maps of at most this many pixels are convolved by one matrix product over the whole batch: an image alone
 * has too few positions to be fast. Larger ones go to onnxruntime's Conv, and their kernel's gradient, where the window
 * allows, comes from shifted copies (all measured).
 */
const SMALL_PIXELS = 64;

/** Convolution; x [n, in, h, w], kernel [out, in, k, k]. */
export function emitConv(context: OpContext, node: NodeOf<'conv'>, x: Value, inputShape: readonly number[]): Emitted {
  const { graph } = context;
  const kernelName = `${node.name}/kernel`;
  const biasName = `${node.name}/bias`;
  const kernel = context.weight(kernelName);
  const bias = node.bias ? [context.weight(biasName)] : [];
  const sides: ConvShape = { n: context.batchSize ?? 0, in: mapsOf(inputShape), out: mapsOf(node.shape) };
  const small = context.batchSize !== undefined && !node.bias && isSmall(node, sides);
  const output = small
    ? productConv(graph, x, kernel, node, sides)
    : graph.node('Conv', [x, kernel, ...bias], windowAttributes(node));
  return {
    output,
    backward(gradient, wanted) {
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
 * met, summed over batch and positions. All three ways to get there give the same; which is fastest depends on the sizes.
 */
function kernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  if (window.kernel ** 2 * shape.in[0] <= THIN_INPUTS) return thinKernelGradient(graph, x, gradient, window, shape);
  const centre = (window.kernel - 1) / 2;
  const keepsSize = window.stride === 1 && window.pads.every((pad) => pad === centre);
  return keepsSize && !isSmall(window, shape)
    ? shiftedKernelGradient(graph, x, gradient, window, shape)
    : joinedKernelGradient(graph, x, gradient, window, shape);
}

/** One product an image of the gradient with all that its kernel pixels met: for few channels, alone too thin. */
function thinKernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  const [outChannels, height, width] = shape.out;
  const met = concat(graph, taps(graph, x, window, height, width), 1);
  const columns = graph.node('Reshape', [met, graph.ints(shape.n, window.kernel ** 2 * shape.in[0], height * width)]);
  const rows = graph.node('Reshape', [gradient, graph.ints(shape.n, outChannels, height * width)]);
  return tapsLast(graph, productSum(graph, rows, columns), window, shape);
}

/**
 * A product a kernel pixel and image. The view through a kernel pixel is a shift of the input up or down and left or
 * right; shifting the gradient the other way up or down instead, all views share a few copies, which cost more than the
 * products do.
 */
function shiftedKernelGradient(
  graph: GraphBuilder,
  x: Value,
  gradient: Value,
  window: Window,
  shape: ConvShape,
): Value {
  const { n } = shape;
  const { kernel } = window;
  const [inChannels] = shape.in;
  const [outChannels, height, width] = shape.out;
  const shifts = Array.from({ length: kernel }, (_, k) => k - (kernel - 1) / 2);
  // Negative padding cuts off what is shifted out.
  const moved = (value: Value, down: number, right: number) =>
    down === 0 && right === 0 ? value : graph.node('Pad', [value, graph.ints(0, 0, down, right, 0, 0, -down, -right)]);
  const flat = (value: Value, channels: number) =>
    graph.node('Reshape', [value, graph.ints(n, channels, height * width)]);
  const rows = shifts.map((shift) => flat(moved(gradient, shift, 0), outChannels));
  const columns = shifts.map((shift) => flat(moved(x, 0, -shift), inChannels));
  const products = rows.flatMap((row) =>
    columns.map((column) =>
      graph.node('Reshape', [productSum(graph, row, column), graph.ints(outChannels, inChannels, 1)]),
    ),
  );
  return graph.node('Reshape', [concat(graph, products, 2), graph.ints(outChannels, inChannels, kernel, kernel)]);
}

/** One product over all kernel pixels and the whole batch: for small maps, which have few positions an image. */
function joinedKernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  const swap = { perm: [1, 0, 2, 3] };
  const [outChannels, height, width] = shape.out;
  const positions = shape.n * height * width;
  const columns = columnsOf(graph, x, window, shape);
  const rows = graph.node('Reshape', [graph.node('Transpose', [gradient], swap), graph.ints(outChannels, positions)]);
  return tapsLast(graph, graph.node('Gemm', [rows, columns], { transB: 1 }), window, shape);
}

/** What every kernel pixel meets, over the whole batch: [k * k * in, n * height * width]. */
function columnsOf(graph: GraphBuilder, x: Value, window: Window, shape: ConvShape): Value {
  const [, height, width] = shape.out;
  const channelsFirst = graph.node('Transpose', [x], { perm: [1, 0, 2, 3] });
  const met = concat(graph, taps(graph, channelsFirst, window, height, width), 0);
  return graph.node('Reshape', [met, graph.ints(window.kernel ** 2 * shape.in[0], shape.n * height * width)]);
}

function isSmall(window: Window, { in: [inChannels], out: [, height, width] }: ConvShape): boolean {
  return height * width <= SMALL_PIXELS && window.kernel ** 2 * inChannels > THIN_INPUTS;
}

/** A convolution as one matrix product: the kernel [out, in, k, k] times the columns of x. */
function productConv(graph: GraphBuilder, x: Value, kernel: Value, window: Window, shape: ConvShape): Value {
  const [outChannels, height, width] = shape.out;
  const inChannelsLast = graph.node('Transpose', [kernel], { perm: [0, 2, 3, 1] });
  const rows = graph.node('Reshape', [inChannelsLast, graph.ints(outChannels, window.kernel ** 2 * shape.in[0])]);
  const product = graph.node('MatMul', [rows, columnsOf(graph, x, window, shape)]);
  const apart = graph.node('Reshape', [product, graph.ints(outChannels, shape.n, height, width)]);
  return graph.node('Transpose', [apart], { perm: [1, 0, 2, 3] });
}

/** rows [n, a, p] times columns [n, b, p] turned, summed over n: [a, b]. */
function productSum(graph: GraphBuilder, rows: Value, columns: Value): Value {
  const products = graph.contrib('FusedMatMul', [rows, columns], { transB: 1 });
  return graph.node('ReduceSum', [products, graph.ints(0)], { keepdims: 0 });
}

/** [out, k * k * in] as a kernel, [out, in, k, k]. */
function tapsLast(graph: GraphBuilder, product: Value, { kernel }: Window, shape: ConvShape): Value {
  const apart = graph.node('Reshape', [product, graph.ints(shape.out[0], kernel, kernel, shape.in[0])]);
  return graph.node('Transpose', [apart], { perm: [0, 3, 1, 2] });
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
  const back: ConvShape = { n: shape.n, in: shape.out, out: shape.in };
  if (isSmall(node, back)) return productConv(graph, gradient, swapped, opposite(node), back);
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
