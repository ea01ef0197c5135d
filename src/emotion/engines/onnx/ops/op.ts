import type { NetworkNode } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';

/**
 * What every operation of a network is written against: it emits its forward pass into the graph and, when training,
 * hands back how a gradient of its output becomes gradients of its inputs and weights. Maps are channels-first here,
 * [batch, channels, height, width], because that is what onnxruntime computes fastest.
 */
export interface OpContext {
  readonly graph: GraphBuilder;
  /** Inputs in a batch when training; undefined where a graph takes any number (inference). */
  readonly batchSize: number | undefined;
  /** Channels in a block of onnxruntime's direct convolutions (see channel-block.ts); 0 where they are not to be used. */
  readonly channelBlock: number;
  /** The value that holds a weight, in ONNX's layout. */
  weight(name: string): Value;
  /** Declares what a running statistic becomes after this batch. */
  update(name: string, value: Value): void;
  /** Declares the input that brings a dropout mask: [batch, units] for a vector, [batch, c, h, w] for maps. */
  mask(node: NetworkNode): Value;
}

export interface Gradients {
  /** One an input of the node, in order; undefined where the caller did not want it. */
  readonly inputs: readonly (Value | undefined)[];
  /** By weight name, in ONNX's layout. */
  readonly weights?: Readonly<Record<string, Value>>;
}

/** Emits the gradients, given that of the output. `wanted` is false for an input that nothing learns behind. */
export type Backward = (gradient: Value, wanted: boolean) => Gradients;

export interface Emitted {
  readonly output: Value;
  readonly backward: Backward;
}

/** An operation's node, narrowed to the kind that its emitter takes. */
export type NodeOf<Op extends NetworkNode['op']> = Extract<NetworkNode, { op: Op }>;

/** [channels, height, width] of a node's maps. */
export function mapsOf(shape: readonly number[]): [channels: number, height: number, width: number] {
  const [height, width, channels] = shape;
  return [channels!, height!, width!];
}
