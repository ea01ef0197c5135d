import '../../../../base/no-telemetry.ts';

import * as ort from 'onnxruntime-node';
import type { Window } from '../../../network.ts';
import { GraphBuilder, type Value } from '../graph.ts';
import { sessionOptions } from '../session.ts';
import { type ConvShape, windowAttributes } from './op.ts';

/** Block sizes, in channels, of onnxruntime's direct convolutions: 8 with AVX2, 16 with AVX-512 and on some ARM processors. */
const BLOCKS: readonly number[] = [8, 16];
/** Largest rounding error accepted in a sum of 288 products of numbers below 1. A wrong order of channels is off by whole units. */
const TOLERANCE = 1e-3;

/** Whether both numbers of channels are multiples of the block size; 0 means that this processor has no blocks. */
export function fillsBlocks(block: number, { in: [inChannels], out: [outChannels] }: ConvShape): boolean {
  return block > 0 && inChannels % block === 0 && outChannels % block === 0;
}

/**
 * A convolution by onnxruntime's direct kernels. They compute on whole blocks of channels and need no im2col matrix. They are
 * about 1.5 times as fast as Conv with a kernel that is not constant (measured). onnxruntime itself reorders only constant
 * kernels, so this graph reorders the kernel to [out / b, in / b, k, k, b in, b out], and keeps the shape it is declared with.
 * @param x [n, in, h, w], kernel [out, in, k, k]; both, and the result, have their channels in the usual order
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

let found: Promise<number> | undefined;

/**
 * The block size, in channels, of onnxruntime's direct convolutions on this processor; 0 where it has none. These operators
 * are internal and not documented, so they are used only if a small convolution gives the right result.
 */
export function findChannelBlock(): Promise<number> {
  found ??= probe().catch(() => 0); // The session fails if onnxruntime does not know the operator.
  return found;
}

async function probe(): Promise<number> {
  const graph = new GraphBuilder();
  graph.output('y', [1, 'channels', 1, 1], graph.blocked('ReorderInput', [graph.input('x', [1, 4, 1, 1])]));
  // Channels are filled up to a whole block.
  const { dims } = await run(graph, { x: new ort.Tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
  const block = dims[1]!;
  return BLOCKS.includes(block) && (await convolvesRight(block)) ? block : 0;
}

async function convolvesRight(block: number): Promise<boolean> {
  const [channels, side, k] = [2 * block, 5, 3];
  const window = { kernel: k, stride: 1, padding: 'same', pads: [1, 1, 1, 1] } as const;
  const shape = { n: 1, in: [channels, side, side], out: [channels, side, side] } as const;
  const graph = new GraphBuilder();
  const x = graph.input('x', [1, channels, side, side]);
  const kernel = graph.input('kernel', [channels, channels, k, k]);
  const usual = graph.node('Conv', [x, kernel], windowAttributes(window));
  const difference = graph.node('Sub', [usual, blockedConv(graph, x, kernel, undefined, window, shape, block)]);
  graph.output('y', [], graph.node('ReduceMax', [graph.node('Abs', [difference])], { keepdims: 0 }));
  const { data } = await run(graph, {
    x: new ort.Tensor('float32', waves(channels * side ** 2, 1), [1, channels, side, side]),
    kernel: new ort.Tensor('float32', waves((channels * k) ** 2, 2), [channels, channels, k, k]),
  });
  return (data as Float32Array)[0]! < TOLERANCE;
}

/** Numbers -1..1, nearly all different. */
function waves(count: number, frequency: number): Float32Array {
  return Float32Array.from({ length: count }, (_, k) => Math.sin(frequency * (k + 1)));
}

async function run(graph: GraphBuilder, feeds: Record<string, ort.Tensor>): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(graph.encode('probe'), {
    ...sessionOptions(1),
    logSeverityLevel: 4,
  });
  try {
    return (await session.run(feeds)).y!;
  } finally {
    await session.release();
  }
}
