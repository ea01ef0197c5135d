import { readFileSync } from 'node:fs';
import { OUTLINE_SCORE, type OutlineScore, probabilityBy } from './outlines.ts';

/** Where the fitted score is kept: written by `npm run fit-no-person`. */
export const NO_PERSON_FILE = new URL('../../model/no-person-score.json', import.meta.url);

/** A score of this or more means that what was found is perhaps no person's face. docs/faces.md has the figures of other thresholds. */
export const NO_PERSON_FROM = 0.9;

let score: OutlineScore | undefined;

/**
 * Whether what a detector took for a face is perhaps a drawing, a badge, a wheel or the like.
 * @param numbers outlines of its crop
 * @throws when the file of the fitted score is missing or not in its format
 */
export function isNoPerson(numbers: Float32Array): boolean {
  score ??= OUTLINE_SCORE.parse(JSON.parse(readFileSync(NO_PERSON_FILE, 'utf8')));
  return probabilityBy(score, numbers) >= NO_PERSON_FROM;
}
