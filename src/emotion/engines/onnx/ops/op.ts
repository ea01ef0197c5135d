import type { NetworkNode, Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';

/**
 * The interface between a network's operations and the graph. An operation emits its forward pass into the graph. In training
 * it also returns the function that emits its backward pass. Maps are channels-first here, [batch, channels, height, width],
 * because onnxruntime computes fastest on them.
 */
export interface OpContext {
  readonly graph: GraphBuilder;
  /** Batch size in training; undefined for inference, where the graph takes any number of inputs. */
  readonly batchSize: number | undefined;
  /** Block size, in channels, of onnxruntime's direct convolutions (see ops/blocked-conv.ts); 0 to do without them. */
  readonly channelBlock: number;
  /** The value that holds a weight, in ONNX's layout. */
  weight(name: string): Value;
  /** Called with the input of each batch normalisation of an inference graph. */
  readonly observe?: ((node: NetworkNode, x: Value) => void) | undefined;
  /** Declares the new value of a running statistic after this batch. */
  update(name: string, value: Value): void;
  /** Declares the input for a dropout mask: [batch, units] for a vector, [batch, c, h, w] for maps. */
  mask(node: NetworkNode): Value;
}

interface Gradients {
  /** Gradient of the operation's input; undefined if the caller did not want it. */
  readonly input: Value | undefined;
  /** Gradients of the weights by name, in ONNX's layout. */
  readonly weights?: Readonly<Record<string, Value>>;
}

/** Emits the gradients from the gradient of the output. `wanted` is false if no node before this one has trainable weights. */
export type Backward = (gradient: Value, wanted: boolean) => Gradients;

export interface Emitted {
  readonly output: Value;
  readonly backward: Backward;
}

/** A node, narrowed to the kind that its emitter takes. */
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

/** A convolution with its backward pass, by any of the methods. */
export interface EmittedConv {
  readonly output: Value;
  /** From the gradient of the output: the gradient of the kernel and, if wanted, of the input. */
  gradients(gradient: Value, wanted: boolean): { readonly input: Value | undefined; readonly kernel: Value };
}
