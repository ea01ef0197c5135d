import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { overlap } from '../overlap.ts';
import { EVIDENCE, type Evidence } from './evidence.ts';

/** How evidence becomes one number: a logistic regression. */
export interface FaceScore {
  readonly intercept: number;
  /** One for each of EVIDENCE, in that order. */
  readonly coefficients: readonly number[];
  /** Places that score at least this are faces, 0..1. */
  readonly threshold: number;
}

/** The two detectors that keep faces by a score, each with its own. */
export const SCORED_DETECTORS = ['fusion', 'network'] as const;
export type ScoredDetector = (typeof SCORED_DETECTORS)[number];

/** Where the fitted scores are kept: written by `npm run fit-faces`. */
export const FACE_SCORES_FILE = new URL('../../../model/face-scores.json', import.meta.url);

const SCHEMA = z.object({
  intercept: z.number(),
  coefficients: z.array(z.number()).length(EVIDENCE.length),
  threshold: z.number().min(0).max(1),
});

/** @throws when the file of the fitted scores is missing or not in its format */
export function readFaceScore(detector: ScoredDetector): FaceScore {
  const scores = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(FACE_SCORES_FILE, 'utf8')));
  return SCHEMA.parse(scores[detector]);
}

/** How likely a place is a face, 0..1. */
export function scoreOf({ numbers }: Pick<Evidence, 'numbers'>, { intercept, coefficients }: FaceScore): number {
  const sum = coefficients.reduce((total, coefficient, k) => total + coefficient * numbers[k]!, intercept);
  return 1 / (1 + Math.exp(-sum));
}

/** A place that was kept. */
export interface ScoredEvidence extends Evidence {
  readonly score: number;
}

/** Two faces overlap by no more than this (intersection over union), and no more than this part of the smaller lies in the other. */
const MOST_OVERLAP = 0.3;
const MOST_WITHIN = 0.7;

/** The places that are faces, the surest first; one that overlaps a surer one is the same face seen again. */
export function keepFaces(evidence: readonly Evidence[], score: FaceScore): ScoredEvidence[] {
  const kept: ScoredEvidence[] = [];
  const scored = evidence.map((place) => ({ ...place, score: scoreOf(place, score) }));
  for (const place of scored.sort((a, b) => b.score - a.score)) {
    if (place.score < score.threshold) break;
    const apart = kept.every(({ box }) => {
      const { union, ofSmaller } = overlap(box, place.box);
      return union <= MOST_OVERLAP && ofSmaller <= MOST_WITHIN;
    });
    if (apart) kept.push(place);
  }
  return kept;
}
