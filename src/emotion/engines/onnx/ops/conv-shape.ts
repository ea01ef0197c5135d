import type { Value } from '../graph.ts';

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
