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
});

export type Calibration = Readonly<z.infer<typeof calibrationSchema>>;

/** For a model stored without a calibration: probabilities are not changed, and below one half a reading is 'unsure'. */
export const UNCALIBRATED: Calibration = { temperature: 1, unsureBelow: 0.5 };

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
