import { sizeOf } from '../../../network.ts';
import type { Value } from '../graph.ts';
import { type Emitted, mapsOf, type NodeOf, type OpContext } from './op.ts';

/** onnx.proto's number for float32. */
const FLOAT = 1;

/** max(x, 0) */
export function emitRelu({ graph }: OpContext, _node: NodeOf<'relu'>, x: Value): Emitted {
  const output = graph.node('Relu', [x]);
  return {
    output,
    backward(gradient) {
      const positive = graph.node('Cast', [graph.node('Greater', [output, graph.scalar(0)])], { to: FLOAT });
      return { input: graph.node('Mul', [gradient, positive]) };
    },
  };
}

/** Dropout (Srivastava et al. 2014): the mask, made outside the graph, is 0 or 1 / (1 - rate). */
export function emitDropout(context: OpContext, node: NodeOf<'dropout'>, x: Value): Emitted {
  const { graph } = context;
  if (context.batchSize === undefined || node.rate === 0)
    return { output: x, backward: (gradient) => ({ input: gradient }) };
  const mask = context.mask(node);
  return {
    output: graph.node('Mul', [x, mask]),
    backward: (gradient) => ({ input: graph.node('Mul', [gradient, mask]) }),
  };
}

/** The sum of two values of one shape; each has the gradient of the sum. */
export function emitAdd({ graph }: OpContext, x: Value, other: Value): Emitted {
  return { output: graph.node('Add', [x, other]), backward: (gradient) => ({ input: gradient }) };
}

/** x [n, in] times kernel [in, units], plus a bias. */
export function emitDense(context: OpContext, node: NodeOf<'dense'>, x: Value): Emitted {
  const { graph } = context;
  const kernelName = `${node.name}/kernel`;
  const biasName = `${node.name}/bias`;
  const kernel = context.weight(kernelName);
  return {
    output: graph.node('Gemm', [x, kernel, ...(node.bias ? [context.weight(biasName)] : [])]),
    backward(gradient, wanted) {
      return {
        input: wanted ? graph.node('Gemm', [gradient, kernel], { transB: 1 }) : undefined,
        weights: {
          [kernelName]: graph.node('Gemm', [x, gradient], { transA: 1 }),
          ...(node.bias ? { [biasName]: graph.node('ReduceSum', [gradient, graph.ints(0)], { keepdims: 0 }) } : {}),
        },
      };
    },
  };
}

/** Maps to a vector in TensorFlow's order (row, column, channel), so that a dense kernel needs no reordering. */
export function emitFlatten(
  { graph }: OpContext,
  node: NodeOf<'flatten'>,
  x: Value,
  inputShape: readonly number[],
): Emitted {
  if (inputShape.length === 1) return { output: x, backward: (gradient) => ({ input: gradient }) };
  const [channels, height, width] = mapsOf(inputShape);
  const channelsLast = graph.node('Transpose', [x], { perm: [0, 2, 3, 1] });
  return {
    output: graph.node('Reshape', [channelsLast, graph.ints(-1, sizeOf(node.shape))]),
    backward(gradient) {
      const maps = graph.node('Reshape', [gradient, graph.ints(-1, height, width, channels)]);
      return { input: graph.node('Transpose', [maps], { perm: [0, 3, 1, 2] }) };
    },
  };
}
