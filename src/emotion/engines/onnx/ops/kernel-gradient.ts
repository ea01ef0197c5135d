import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import type { ConvShape } from './op.ts';

/** Kernels of at most this many numbers per output channel get their gradient from one product per image (measured). */
const THIN_INPUTS = 64;

/** On maps of at most this many pixels the gradient comes from one product over the whole batch (measured). */
const SMALL_PIXELS = 64;

/**
 * The gradient of the kernel: for each kernel pixel, the product of the output's gradient and the inputs that the pixel was
 * multiplied with, summed over batch and positions. All three methods give the same result; the sizes decide which is fastest.
 */
export function kernelGradient(
  graph: GraphBuilder,
  x: Value,
  gradient: Value,
  window: Window,
  shape: ConvShape,
): Value {
  if (window.kernel ** 2 * shape.in[0] <= THIN_INPUTS) return thinKernelGradient(graph, x, gradient, window, shape);
  const centre = (window.kernel - 1) / 2;
  const keepsSize = window.stride === 1 && window.pads.every((pad) => pad === centre);
  const [, height, width] = shape.out;
  return keepsSize && height * width > SMALL_PIXELS
    ? shiftedKernelGradient(graph, x, gradient, window, shape)
    : joinedKernelGradient(graph, x, gradient, window, shape);
}

/** One product per image, over all kernel pixels at once: with few channels, one pixel alone would make a thin matrix. */
function thinKernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  const [outChannels, height, width] = shape.out;
  const met = concat(graph, taps(graph, x, window, height, width), 1);
  const columns = graph.node('Reshape', [met, graph.ints(shape.n, window.kernel ** 2 * shape.in[0], height * width)]);
  const rows = graph.node('Reshape', [gradient, graph.ints(shape.n, outChannels, height * width)]);
  return tapsLast(graph, productSum(graph, rows, columns), window, shape);
}

/**
 * One product per kernel pixel and image. Each kernel pixel sees the input shifted vertically and horizontally. Here the
 * gradient is shifted vertically instead, in the opposite direction. So fewer shifted copies of the input are needed;
 * copies cost more than the products.
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
  // Negative padding cuts off the rows that are shifted out.
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

/** One product over all kernel pixels and the whole batch: for small maps, which have few positions per image. */
function joinedKernelGradient(graph: GraphBuilder, x: Value, gradient: Value, window: Window, shape: ConvShape): Value {
  const swap = { perm: [1, 0, 2, 3] };
  const [outChannels, height, width] = shape.out;
  const positions = shape.n * height * width;
  const columns = columnsOf(graph, x, window, shape);
  const rows = graph.node('Reshape', [graph.node('Transpose', [gradient], swap), graph.ints(outChannels, positions)]);
  return tapsLast(graph, graph.node('Gemm', [rows, columns], { transB: 1 }), window, shape);
}

/** The inputs that each kernel pixel is multiplied with, over the whole batch: [k * k * in, n * height * width]. */
function columnsOf(graph: GraphBuilder, x: Value, window: Window, shape: ConvShape): Value {
  const [, height, width] = shape.out;
  const channelsFirst = graph.node('Transpose', [x], { perm: [1, 0, 2, 3] });
  const met = concat(graph, taps(graph, channelsFirst, window, height, width), 0);
  return graph.node('Reshape', [met, graph.ints(window.kernel ** 2 * shape.in[0], shape.n * height * width)]);
}

/** rows [n, a, p] times the transpose of columns [n, b, p], summed over n: [a, b]. */
function productSum(graph: GraphBuilder, rows: Value, columns: Value): Value {
  const products = graph.contrib('FusedMatMul', [rows, columns], { transB: 1 });
  return graph.node('ReduceSum', [products, graph.ints(0)], { keepdims: 0 });
}

/** [out, k * k * in] as a kernel, [out, in, k, k]. */
function tapsLast(graph: GraphBuilder, product: Value, { kernel }: Window, shape: ConvShape): Value {
  const apart = graph.node('Reshape', [product, graph.ints(shape.out[0], kernel, kernel, shape.in[0])]);
  return graph.node('Transpose', [apart], { perm: [0, 3, 1, 2] });
}

/**
 * The inputs of each pixel of a window: for kernel row i and column j, the pixels that it covers as the window moves,
 * [n, c, height, width] with the output's height and width. The first two dimensions of x may be swapped; they are kept as given.
 */
function taps(graph: GraphBuilder, x: Value, window: Window, height: number, width: number): Value[] {
  const { kernel, stride, pads } = window;
  const [top, left, bottom, right] = pads;
  const padded = pads.some((pad) => pad > 0)
    ? graph.node('Pad', [x, graph.ints(0, 0, top, left, 0, 0, bottom, right)])
    : x;
  const views: Value[] = [];
  for (let row = 0; row < kernel; row++)
    for (let column = 0; column < kernel; column++) {
      const starts = graph.ints(row, column);
      const ends = graph.ints(row + (height - 1) * stride + 1, column + (width - 1) * stride + 1);
      views.push(graph.node('Slice', [padded, starts, ends, graph.ints(2, 3), graph.ints(stride, stride)]));
    }
  return views;
}

/** Values concatenated along an axis. */
function concat(graph: GraphBuilder, values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0]! : graph.node('Concat', values, { axis });
}
