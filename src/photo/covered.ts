import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { logistic, spreadOf } from '../base/numbers.ts';
import { FACE_SIZE } from '../emotion/labels.ts';

/** What may be hidden behind a mask, a scarf or sunglasses. */
export const COVERS = ['mouth', 'eyes'] as const;
export type Cover = (typeof COVERS)[number];

/** A logistic regression on `outlines`. */
export interface CoverScore {
  readonly intercept: number;
  readonly coefficients: readonly number[];
}
export type CoverScores = Readonly<Record<Cover, CoverScore>>;

/** Where the fitted scores are kept: written by `npm run fit-covers`. */
export const COVER_SCORES_FILE = new URL('../../model/cover-scores.json', import.meta.url);

/** From this score on a part of the face is covered: docs/faces.md has the figures of others. */
export const COVERED_FROM = 0.7;

/** The crop is divided into so many cells each way, and directions of outlines into so many parts of half a turn. */
const CELLS = 8;
const DIRECTIONS = 8;
export const OUTLINES = CELLS * CELLS * DIRECTIONS;
/** Added to a crop's standard deviation, in grays 0..255, so that noise in a flat crop is not taken for outlines. */
const DEVIATION_FLOOR = 12;

let scores: CoverScores | undefined;

/** Whether mouth or eyes of a face are covered, so that its expression cannot be seen. @param crop as cropFace makes it */
export function isCovered(crop: Uint8Array): boolean {
  scores ??= readCoverScores();
  return scoreOutlines(outlines(crop), scores) >= COVERED_FROM;
}

/** How likely mouth or eyes are covered, whichever is likelier, 0..1. */
export function scoreOutlines(numbers: Float32Array, by: CoverScores): number {
  const sum = ({ intercept, coefficients }: CoverScore) =>
    coefficients.reduce((total, coefficient, k) => total + coefficient * numbers[k]!, intercept);
  return logistic(Math.max(...COVERS.map((cover) => sum(by[cover]))));
}

/** @throws when the file of the fitted scores is missing or not in its format */
function readCoverScores(): CoverScores {
  const score = z.object({ intercept: z.number(), coefficients: z.array(z.number()).length(OUTLINES) });
  return z.object({ mouth: score, eyes: score }).parse(JSON.parse(readFileSync(COVER_SCORES_FILE, 'utf8')));
}

/**
 * Which way outlines run in each part of a crop, and how strong they are in parts of its contrast: histograms of
 * oriented gradients (Dalal and Triggs, 2005). Each pixel is shared among the cells and directions that it lies
 * between.
 * @returns OUTLINES numbers, those of one cell after the other, row by row
 */
export function outlines(crop: Uint8Array): Float32Array {
  const strength = new Float32Array(OUTLINES);
  const contrast = 1 / (spreadOf(crop).deviation + DEVIATION_FLOOR);
  const cell = FACE_SIZE / CELLS;
  for (let y = 1; y < FACE_SIZE - 1; y++) {
    for (let x = 1; x < FACE_SIZE - 1; x++) {
      const at = y * FACE_SIZE + x;
      const right = (crop[at + 1]! - crop[at - 1]!) * contrast;
      const down = (crop[at + FACE_SIZE]! - crop[at - FACE_SIZE]!) * contrast;
      const length = Math.hypot(right, down);
      if (length === 0) continue;
      const turn = ((Math.atan2(down, right) / Math.PI + 1) % 1) * DIRECTIONS;
      share((y + 0.5) / cell - 0.5, CELLS, false, (row, ofRow) => {
        share((x + 0.5) / cell - 0.5, CELLS, false, (column, ofColumn) => {
          share(turn, DIRECTIONS, true, (direction, ofDirection) => {
            strength[(row * CELLS + column) * DIRECTIONS + direction]! += length * ofRow * ofColumn * ofDirection;
          });
        });
      });
    }
  }
  return strength.map((value) => Math.sqrt(value / cell ** 2));
}

/** Shares what lies between two of `count` places between them, by how near it is to each. */
function share(place: number, count: number, around: boolean, give: (index: number, part: number) => void): void {
  const first = Math.floor(place);
  for (const [index, part] of [
    [first, first + 1 - place],
    [first + 1, place - first],
  ] as const) {
    if (around) give(index % count, part);
    else if (index >= 0 && index < count) give(index, part);
  }
}
