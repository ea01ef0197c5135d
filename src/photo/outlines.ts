import { z } from 'zod';
import { logistic, spreadOf } from '../base/numbers.ts';
import { FACE_SIZE } from '../emotion/labels.ts';

/** Cells of the crop, each way; and bins that half a turn of edge directions is divided into. */
const CELLS = 8;
const DIRECTIONS = 8;
export const OUTLINES = CELLS * CELLS * DIRECTIONS;
/** Added to a crop's standard deviation, in grays 0..255, so that noise in a flat crop is not taken for outlines. */
const DEVIATION_FLOOR = 12;

/** A logistic regression on `outlines`. */
export interface OutlineScore {
  readonly intercept: number;
  readonly coefficients: readonly number[];
}

/** The form of a score in a file. */
export const OUTLINE_SCORE = z.object({ intercept: z.number(), coefficients: z.array(z.number()).length(OUTLINES) });

/** The log odds that a score gives to a crop's outlines. */
export function logOddsBy({ intercept, coefficients }: OutlineScore, numbers: Float32Array): number {
  let sum = intercept;
  for (let k = 0; k < OUTLINES; k++) sum += coefficients[k]! * numbers[k]!;
  return sum;
}

/** The probability, 0..1, that a score gives to a crop's outlines. */
export function probabilityBy(score: OutlineScore, numbers: Float32Array): number {
  return logistic(logOddsBy(score, numbers));
}

/**
 * Histograms of oriented gradients (Dalal and Triggs, 2005): the directions of the edges in each cell of a crop, and
 * their strength relative to the crop's contrast. Each pixel is shared among the cells and directions that it lies
 * between.
 * @param deviation of the crop's grays
 * @returns OUTLINES numbers, those of one cell after the other, row by row
 */
export function outlines(crop: Uint8Array, deviation: number = spreadOf(crop).deviation): Float32Array {
  const strength = new Float64Array(OUTLINES);
  const contrast = 1 / (deviation + DEVIATION_FLOOR);
  for (let y = 1; y < FACE_SIZE - 1; y++) {
    const { first: upper, ofFirst: ofUpper } = BETWEEN[y]!;
    for (let x = 1; x < FACE_SIZE - 1; x++) {
      const at = y * FACE_SIZE + x;
      const right = (crop[at + 1]! - crop[at - 1]!) * contrast;
      const down = (crop[at + FACE_SIZE]! - crop[at - FACE_SIZE]!) * contrast;
      const length = Math.sqrt(right * right + down * down);
      if (length === 0) continue;
      const turn = ((Math.atan2(down, right) / Math.PI + 1) % 1) * DIRECTIONS;
      const direction = Math.floor(turn);
      const next = (direction + 1) % DIRECTIONS;
      const ofNext = length * (turn - direction);
      const ofDirection = length - ofNext;
      const { first: left, ofFirst: ofLeft } = BETWEEN[x]!;
      for (let down = 0; down < 2; down++) {
        const row = upper + down;
        if (row < 0 || row >= CELLS) continue;
        const ofRow = down === 0 ? ofUpper : 1 - ofUpper;
        for (let right = 0; right < 2; right++) {
          const column = left + right;
          if (column < 0 || column >= CELLS) continue;
          const part = ofRow * (right === 0 ? ofLeft : 1 - ofLeft);
          const cell = (row * CELLS + column) * DIRECTIONS;
          strength[cell + direction]! += part * ofDirection;
          strength[cell + next]! += part * ofNext;
        }
      }
    }
  }
  return Float32Array.from(strength, (value) => Math.sqrt(value / CELL ** 2));
}

/** Pixels of a cell, each way. */
const CELL = FACE_SIZE / CELLS;

/** For each row or column of a crop: the first of the two cells that it lies between, and that cell's share. The cell may be outside. */
const BETWEEN = Array.from({ length: FACE_SIZE }, (_, pixel) => {
  const place = (pixel + 0.5) / CELL - 0.5;
  const first = Math.floor(place);
  return { first, ofFirst: first + 1 - place };
});
