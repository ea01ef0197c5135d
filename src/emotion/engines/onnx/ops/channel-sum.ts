import type { GraphBuilder, Value } from '../graph.ts';

/**
 * Sums over batch, height and width, [n, c, h, w] to [c]: each map first, which onnxruntime does faster than all at once
 * (measured).
 */
export function channelSum(graph: GraphBuilder, maps: Value): Value {
  const ofMaps = graph.node('ReduceSum', [maps, graph.ints(2, 3)], { keepdims: 0 });
  return graph.node('ReduceSum', [ofMaps, graph.ints(0)], { keepdims: 0 });
}
