import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { logistic } from '../../base/numbers.ts';
import { meanSquare, overlap, SAME_PLACE, type Size, type Square, sharedArea, showSameFace, toBox } from './box.ts';
import { EVIDENCE, type Evidence } from './evidence.ts';

/** The logistic regression that turns evidence into one number. */
export interface FaceScore {
  readonly intercept: number;
  /** One for each of EVIDENCE, in that order. */
  readonly coefficients: readonly number[];
  /** Places that score at least this are faces, 0..1. */
  readonly threshold: number;
}

/** Where the fitted score is kept: written by `npm run fit-faces`. */
export const FACE_SCORE_FILE = new URL('../../../model/face-score.json', import.meta.url);

const SCHEMA = z.object({
  intercept: z.number(),
  coefficients: z.array(z.number()).length(EVIDENCE.length),
  threshold: z.number().min(0).max(1),
});

/** @throws if the file of the fitted score is missing or has another format */
export function readFaceScore(): FaceScore {
  return SCHEMA.parse(JSON.parse(readFileSync(FACE_SCORE_FILE, 'utf8')));
}

/** The probability that a place is a face, 0..1. */
export function scoreOf({ numbers }: Pick<Evidence, 'numbers'>, { intercept, coefficients }: FaceScore): number {
  const sum = coefficients.reduce((total, coefficient, k) => total + coefficient * numbers[k]!, intercept);
  return logistic(sum);
}

/**
 * A place that scores less than this by one view is not a face. In fifteen photos, upright or turned by up to 30 degrees, no face scored
 * less.
 */
const NO_FACE = 0.1;
/** A place gets a larger view if its score by views from three angles is between these. */
const DOUBT = { from: 0.2, to: 0.9 };

/** If more than this share of a place lies outside the picture, its other half is the mirror image ... */
const MOST_OUTSIDE = 1 / 3;
/**
 * ... and anything beside its mirror image looks a little like a face: it needs this score by all views. A leaf has 0.88, two faces that
 * the edge of a group photo cuts 0.91 and 0.94.
 */
const CUT_THRESHOLD = 0.9;

function isCut(place: Square, picture: Size): boolean {
  return sharedArea(toBox(place), { x: 0, y: 0, ...picture }) < (1 - MOST_OUTSIDE) * place.side ** 2;
}

/**
 * Whether more looks at a place may change the decision about it.
 * @param stage number of stages of the second look so far
 * @param picture size of the picture that was searched
 */
export function mayChange(place: Evidence, stage: number, score: FaceScore, picture: Size): boolean {
  const so = scoreOf(place, score);
  if (stage === 1) return so >= NO_FACE;
  if (isCut(place.proposed, picture)) return so >= DOUBT.from;
  return stage === 2 && so > DOUBT.from && so < DOUBT.to;
}

/** A place with its score. */
interface ScoredPlace extends Evidence {
  readonly score: number;
}

export function scored(evidence: readonly Evidence[], score: FaceScore): ScoredPlace[] {
  return evidence.map((place) => ({ ...place, score: scoreOf(place, score) }));
}

/** A place that was kept. */
export interface KeptFace extends ScoredPlace {
  /** The face's square: the mean of where it was proposed and where the second look saw it. */
  readonly square: Square;
}

/** Surer faces cover no more than this share of a face: a place between two faces shows half of each, and is dropped. */
const MOST_COVERED = 0.4;

/** A head in a group is smaller than this part of the place that frames the group. */
const MOST_OF_GROUP = 0.6;

/** A place whose side is more than this part of the picture's shorter one fills the picture ... */
const FILLING = 0.6;
/**
 * ... and needs this part of the score: a picture that somebody cut to one thing shows that thing, and a face that is cut at chin
 * and forehead looks less like one. A score of 0.43 found 98 % of 605 such pictures, but took a coin and an echidna for faces:
 * docs/faces.md.
 */
const FILLING_THRESHOLD = 0.67;

/**
 * The places that are faces, the surest first. A place that shows a surer face again, or parts of several, is dropped.
 * @param threshold places that score at least this are faces, 0..1
 * @param picture size of the picture that was searched, in pixels
 */
export function keepFaces(places: readonly ScoredPlace[], threshold: number, picture: Size): KeptFace[] {
  const kept: KeptFace[] = [];
  const likely = places
    .filter(({ proposed, score }) => score >= thresholdFor(proposed, threshold, picture))
    .sort((a, b) => b.score - a.score);
  for (const place of likely) {
    if (isGroup(place, likely)) continue;
    if (kept.some((surer) => sameFace(surer, place)) || coveredPart(place, kept) > MOST_COVERED) continue;
    const squares = [place.proposed, place.seen].map((square) => ({ square, weight: 1 }));
    kept.push({ ...place, square: meanSquare(squares) });
  }
  return kept;
}

function thresholdFor(place: Square, threshold: number, picture: Size): number {
  if (fills(place, picture)) return FILLING_THRESHOLD * threshold;
  return isCut(place, picture) ? Math.max(threshold, CUT_THRESHOLD) : threshold;
}

/** Whether a place fills the picture. */
export function fills({ side }: Square, { width, height }: Size): boolean {
  return side > FILLING * Math.min(width, height);
}

/** Whether two places show the same face: they were proposed at the same spot, or seen there at the second look. */
function sameFace(a: Evidence, b: Evidence): boolean {
  if (showSameFace(toBox(a.proposed), toBox(b.proposed))) return true;
  return overlap(toBox(a.seen), toBox(b.seen)).union > SAME_PLACE;
}

/** Whether a place frames the heads of several people as one face. */
function isGroup({ proposed }: Evidence, likely: readonly Evidence[]): boolean {
  const { x, y, width } = toBox(proposed);
  const heads: Evidence[] = [];
  for (const place of likely) {
    const { centreX, centreY, side } = place.proposed;
    const within = centreX > x && centreX < x + width && centreY > y && centreY < y + width;
    if (!within || side > MOST_OF_GROUP * width || heads.some((head) => sameFace(head, place))) continue;
    heads.push(place);
  }
  return heads.length > 1;
}

function coveredPart({ proposed }: Evidence, surer: readonly Evidence[]): number {
  const box = toBox(proposed);
  const covered = surer.reduce((sum, face) => sum + sharedArea(toBox(face.proposed), box), 0);
  return covered / (box.width * box.height);
}
