import { z } from 'zod';
import { EMOTIONS } from './labels.ts';

/**
 * Calibrates a network's probabilities. It is fitted on pictures that the network was not trained on, and stored with its
 * weights.
 */
export const calibrationSchema = z.object({
  /** Logits are divided by this before the softmax (Guo et al. 2017, arXiv 1706.04599): above 1 it lowers confidence. */
  temperature: z.number().positive(),
  /** A reading whose likeliest emotion has a lower probability than this is 'unsure'. */
  unsureBelow: z.number().min(0).max(1),
  /** How much crops are softened before they are read; see `soften`. Absent, and so 0, in networks stored before there was such a thing. */
  softness: z.number().min(0).max(0.25).default(0),
});

export type Calibration = Readonly<z.infer<typeof calibrationSchema>>;

/** For a network stored without one: crops and probabilities are not changed, and below one half a reading is 'unsure'. */
export const UNCALIBRATED: Calibration = { temperature: 1, unsureBelow: 0.5, softness: 0 };

/**
 * The softness for networks that learned from augmented faces. Those are interpolated between pixels, and so softer than the faces that a
 * network reads. Chosen on PublicTest (docs/experiments.md); interpolation at random places gives each neighbour 1/6 on average.
 */
export const SOFTNESS = 0.14;

/** The calibration that is stored with a network, or none. @param metadata what is stored beside the weights */
export function calibrationOf(metadata: Readonly<Record<string, unknown>>): Calibration {
  return calibrationSchema.safeParse(metadata.calibration).data ?? UNCALIBRATED;
}

/**
 * Applies a temperature to one row of probabilities, in place: p ** (1 / temperature), scaled to sum to 1. This equals
 * dividing the logits by the temperature.
 */
export function temper(probabilities: Float32Array, temperature: number): void {
  let sum = 0;
  for (let k = 0; k < probabilities.length; k++) {
    probabilities[k] = Math.max(probabilities[k]!, 1e-12) ** (1 / temperature);
    sum += probabilities[k]!;
  }
  for (let k = 0; k < probabilities.length; k++) probabilities[k]! /= sum;
}

/** The row of `row` among rows of EMOTIONS.length numbers: a view. */
export function rowOf(probabilities: Float32Array, row: number): Float32Array {
  return probabilities.subarray(row * EMOTIONS.length, (row + 1) * EMOTIONS.length);
}
