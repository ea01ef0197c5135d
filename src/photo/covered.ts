import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { OUTLINE_SCORE, type OutlineScore, probabilityBy } from './outlines.ts';

/** What may be hidden behind a mask, a scarf or sunglasses. */
export const COVERS = ['mouth', 'eyes'] as const;
export type Cover = (typeof COVERS)[number];

export type CoverScores = Readonly<Record<Cover, OutlineScore>>;

/** Where the fitted scores are kept: written by `npm run fit-covers`. */
export const COVER_SCORES_FILE = new URL('../../model/cover-scores.json', import.meta.url);

/** A score of this or more means that a part of the face is covered. docs/faces.md has the figures of other thresholds. */
export const COVERED_FROM = 0.7;

let scores: CoverScores | undefined;

/** Whether mouth or eyes of a face are covered, so that its expression cannot be seen. @param numbers outlines of its crop */
export function isCovered(numbers: Float32Array): boolean {
  scores ??= readCoverScores();
  return scoreOutlines(numbers, scores) >= COVERED_FROM;
}

/** How likely mouth or eyes are covered, whichever is likelier, 0..1. */
export function scoreOutlines(numbers: Float32Array, by: CoverScores): number {
  return Math.max(...COVERS.map((cover) => probabilityBy(by[cover], numbers)));
}

/** @throws when the file of the fitted scores is missing or not in its format */
function readCoverScores(): CoverScores {
  return z
    .object({ mouth: OUTLINE_SCORE, eyes: OUTLINE_SCORE })
    .parse(JSON.parse(readFileSync(COVER_SCORES_FILE, 'utf8')));
}
