import type { Value } from '../graph.ts';
import type { Emitted, NodeOf, OpContext } from './op.ts';

const FLOAT = 1;

/** max(x, 0) */
export function emitRelu({ graph }: OpContext, _node: NodeOf<'relu'>, x: Value): Emitted {
  const output = graph.node('Relu', [x]);
  return {
    output,
    backward(gradient) {
      const positive = graph.node('Cast', [graph.node('Greater', [output, graph.scalar(0)])], { to: FLOAT });
      return { inputs: [graph.node('Mul', [gradient, positive])] };
    },
  };
}

/** x where positive, else slope * x. */
export function emitLeakyRelu({ graph }: OpContext, node: NodeOf<'leakyRelu'>, x: Value): Emitted {
  return {
    output: graph.node('LeakyRelu', [x], { alpha: { float: node.slope } }),
    backward(gradient) {
      const positive = graph.node('Greater', [x, graph.scalar(0)]);
      const factor = graph.node('Where', [positive, graph.scalar(1), graph.scalar(node.slope)]);
      return { inputs: [graph.node('Mul', [gradient, factor])] };
    },
  };
}

/** 1 / (1 + exp(-x)) */
export function emitSigmoid({ graph }: OpContext, _node: NodeOf<'sigmoid'>, x: Value): Emitted {
  const output = graph.node('Sigmoid', [x]);
  return {
    output,
    backward(gradient) {
      const slope = graph.node('Mul', [output, graph.node('Sub', [graph.scalar(1), output])]);
      return { inputs: [graph.node('Mul', [gradient, slope])] };
    },
  };
}

/** Dropout (Srivastava et al. 2014): the mask, made outside the graph, is 0 or 1 / (1 - rate). */
export function emitDropout(context: OpContext, node: NodeOf<'dropout'>, x: Value): Emitted {
  const { graph } = context;
  if (context.batchSize === undefined || node.rate === 0)
    return { output: x, backward: (gradient) => ({ inputs: [gradient] }) };
  const mask = context.mask(node);
  return {
    output: graph.node('Mul', [x, mask]),
    backward: (gradient) => ({ inputs: [graph.node('Mul', [gradient, mask])] }),
  };
}
