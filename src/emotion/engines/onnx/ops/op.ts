import type { NetworkNode, Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';

/**
 * What every operation of a network is written against. It emits its forward pass into the graph. When training, it
 * also returns how a gradient of its output becomes gradients of its input and weights. Maps are channels-first here,
 * [batch, channels, height, width], because that is what onnxruntime computes fastest.
 */
export interface OpContext {
  readonly graph: GraphBuilder;
  /** Inputs in a batch when training; undefined where a graph takes any number (inference). */
  readonly batchSize: number | undefined;
  /** Channels in a block of onnxruntime's direct convolutions (see ops/blocked-conv.ts); 0 where they are not to be used. */
  readonly channelBlock: number;
  /** The value that holds a weight, in ONNX's layout. */
  weight(name: string): Value;
  /** Is given what reaches a batch normalisation of an inference graph. */
  readonly observe?: ((node: NetworkNode, x: Value) => void) | undefined;
  /** Declares what a running statistic becomes after this batch. */
  update(name: string, value: Value): void;
  /** Declares the input that brings a dropout mask: [batch, units] for a vector, [batch, c, h, w] for maps. */
  mask(node: NetworkNode): Value;
}

interface Gradients {
  /** Of what came in; undefined where the caller did not want it. */
  readonly input: Value | undefined;
  /** By weight name, in ONNX's layout. */
  readonly weights?: Readonly<Record<string, Value>>;
}

/** Emits the gradients, given that of the output. `wanted` is false where nothing before the node learns. */
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

/** A window's attributes as Conv and the pooling operators take them. */
export function windowAttributes({ kernel, stride, pads }: Window) {
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads };
}

/** Sizes of a convolution when training. */
export interface ConvShape {
  /** Images in a batch. */
  readonly n: number;
  readonly in: readonly [channels: number, height: number, width: number];
  readonly out: readonly [channels: number, height: number, width: number];
}

/** A convolution with its way back, whichever way it is computed. */
export interface EmittedConv {
  readonly output: Value;
  /** From the output's gradient, that of the kernel and, where it is wanted, of the input. */
  gradients(gradient: Value, wanted: boolean): { readonly input: Value | undefined; readonly kernel: Value };
}
