import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import type { ConvShape } from './conv-shape.ts';
import { windowAttributes } from './windows.ts';

/** Whether channels go into blocks without a rest; a block of 0 means that this processor has none. */
export function fillsBlocks(block: number, { in: [inChannels], out: [outChannels] }: ConvShape): boolean {
  return block > 0 && inChannels % block === 0 && outChannels % block === 0;
}

/**
 * A convolution by onnxruntime's direct kernels, which compute on whole blocks of channels and need no columns: about
 * half as long again as fast as Conv with a kernel that is no constant (measured). onnxruntime itself only puts constant
 * kernels into their order, so this graph does it: [out / b, in / b, k, k, b in, b out], under the usual shape.
 * @param x [n, in, h, w], kernel [out, in, k, k], both in the usual order, as is what comes out
 */
export function blockedConv(
  graph: GraphBuilder,
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  window: Window,
  { in: [inChannels], out: [outChannels] }: ConvShape,
  block: number,
): Value {
  const k = window.kernel;
  const apart = graph.ints(outChannels / block, block, inChannels / block, block, k, k);
  const blocks = graph.node('Transpose', [graph.node('Reshape', [kernel, apart])], { perm: [0, 2, 4, 5, 3, 1] });
  const ordered = graph.node('Reshape', [blocks, graph.ints(outChannels, inChannels, k, k)]);
  const inputs = [graph.blocked('ReorderInput', [x]), ordered, ...(bias ? [bias] : [])];
  const output = graph.blocked('Conv', inputs, windowAttributes(window));
  return graph.blocked('ReorderOutput', [output], { channels: outChannels });
}
