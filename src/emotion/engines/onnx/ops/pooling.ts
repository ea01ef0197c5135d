import { sizeOf } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import { transposed } from './conv.ts';
import { type Emitted, mapsOf, type NodeOf, type OpContext, windowAttributes } from './op.ts';

/** Max pooling; the gradient goes to the first largest pixel of each window, as in TensorFlow. */
export function emitMaxPool(
  context: OpContext,
  node: NodeOf<'maxPool'>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  const { graph } = context;
  const attributes = windowAttributes(node);
  // Only the gradient needs the indices of the largest pixels, and WebGPU cannot compute them.
  const [output, indices] =
    context.batchSize === undefined
      ? [graph.node('MaxPool', [x], attributes)]
      : graph.nodeWithTwo('MaxPool', [x], attributes);
  return {
    output,
    backward(gradient) {
      if (indices === undefined) throw new Error('an inference graph has no gradients');
      const sides = [context.batchSize!, ...mapsOf(inputShape)];
      const apart = node.kernel === node.stride && node.pads.every((pad) => pad === 0);
      if (apart) {
        return { input: graph.node('MaxUnpool', [gradient, indices, graph.ints(...sides)], attributes) };
      }
      // Overlapping windows can share their largest pixel, so its gradients are added up.
      const zeros = graph.node('ConstantOfShape', [graph.ints(sizeOf(sides))]);
      const flat = (value: Value) => graph.node('Reshape', [value, graph.ints(-1)]);
      const scattered = graph.node('ScatterElements', [zeros, flat(indices), flat(gradient)], {
        axis: 0,
        reduction: 'add',
      });
      return { input: graph.node('Reshape', [scattered, graph.ints(...sides)]) };
    },
  };
}

/** Average pooling; padding is left out of the mean, as in TensorFlow. */
export function emitAveragePool(
  context: OpContext,
  node: NodeOf<'averagePool'>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  const { graph } = context;
  return {
    output: graph.node('AveragePool', [x], { ...windowAttributes(node), count_include_pad: 0 }),
    backward(gradient) {
      const [channels, height, width] = mapsOf(node.shape);
      const [, inHeight, inWidth] = mapsOf(inputShape);
      const shares = graph.tensor(windowShares(node, inHeight, inWidth, height, width), [1, 1, height, width]);
      const shared = graph.node('Mul', [gradient, shares]);
      const planes = context.batchSize! * channels;
      const apart = graph.node('Reshape', [shared, graph.ints(planes, 1, height, width)]);
      const ones = graph.tensor(new Float32Array(node.kernel ** 2).fill(1), [1, 1, node.kernel, node.kernel]);
      const shape = { in: [1, inHeight, inWidth], out: [1, height, width] } as const;
      const spread = transposed(graph, apart, ones, node, shape);
      return { input: graph.node('Reshape', [spread, graph.ints(-1, channels, inHeight, inWidth)]) };
    },
  };
}

/** For each output position, 1 / the number of its window's pixels that lie inside the maps. */
function windowShares(
  { kernel, stride, pads }: NodeOf<'averagePool'>,
  inHeight: number,
  inWidth: number,
  height: number,
  width: number,
): Float32Array {
  const inside = (at: number, pad: number, length: number) => {
    const start = at * stride - pad;
    return Math.min(start + kernel, length) - Math.max(start, 0);
  };
  return Float32Array.from({ length: height * width }, (_, k) => {
    const rows = inside(Math.floor(k / width), pads[0], inHeight);
    const columns = inside(k % width, pads[1], inWidth);
    return 1 / (rows * columns);
  });
}

/** Mean over height and width: [n, c, h, w] to [n, c]. */
export function emitGlobalAveragePool(
  context: OpContext,
  _node: NodeOf<'globalAveragePool'>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  const { graph } = context;
  return {
    output: graph.node('ReduceMean', [x], { axes: [2, 3], keepdims: 0 }),
    backward(gradient) {
      const [channels, height, width] = mapsOf(inputShape);
      const columns = graph.node('Reshape', [gradient, graph.ints(-1, channels, 1, 1)]);
      return { input: graph.node('Mul', [columns, constantMap(graph, 1 / (height * width), height, width)]) };
    },
  };
}

function constantMap(graph: GraphBuilder, value: number, height: number, width: number): Value {
  return graph.tensor(new Float32Array(height * width).fill(value), [1, 1, height, width]);
}
