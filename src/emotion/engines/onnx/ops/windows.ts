import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';

/** A window's attributes as Conv, MaxPool and their kin take them. */
export function windowAttributes({ kernel, stride, pads }: Window) {
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads };
}

/**
 * Views of maps through each pixel of a window: for kernel row i and column j, the pixels that it meets as the window
 * moves, [n, c, height, width] of the output. The first two dimensions of x may be swapped: they stay as they are.
 */
export function taps(graph: GraphBuilder, x: Value, window: Window, height: number, width: number): Value[] {
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

/** Values side by side along an axis. */
export function concat(graph: GraphBuilder, values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0]! : graph.node('Concat', values, { axis });
}
