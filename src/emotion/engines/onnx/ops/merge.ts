import type { Value } from '../graph.ts';
import { type Emitted, mapsOf, type NodeOf, type OpContext } from './op.ts';

/** a + b, of one shape. */
export function emitAdd({ graph }: OpContext, _node: NodeOf<'add'>, a: Value, b: Value): Emitted {
  return { output: graph.node('Add', [a, b]), backward: (gradient) => ({ inputs: [gradient, gradient] }) };
}

/** Maps x [n, c, h, w], every channel times its number in gate [n, c]. */
export function emitChannelScale({ graph }: OpContext, node: NodeOf<'channelScale'>, x: Value, gate: Value): Emitted {
  const [channels] = mapsOf(node.shape);
  const factors = graph.node('Reshape', [gate, graph.ints(-1, channels, 1, 1)]);
  return {
    output: graph.node('Mul', [x, factors]),
    backward(gradient) {
      const products = graph.node('Mul', [gradient, x]);
      const toGate = graph.node('ReduceSum', [products, graph.ints(2, 3)], { keepdims: 0 });
      return { inputs: [graph.node('Mul', [gradient, factors]), toGate] };
    },
  };
}
