import type { Square } from './network/frame.ts';
import { LEAST_SIGHTING, type Look, type Sighting } from './network/look.ts';
import { logOdds, meanSquare, type Place } from './places.ts';

/** All that speaks for a face at one place in the picture. */
export interface Evidence {
  /** Where it was proposed. */
  readonly proposed: Square;
  /** Where the second look saw it: the mean of its sightings; where it was proposed if there were none. */
  readonly seen: Square;
  /** How far the head leans clockwise, in degrees. */
  readonly angle: number;
  /** What the score is computed from, in the order of EVIDENCE. */
  readonly numbers: readonly number[];
}

/**
 * The numbers of a piece of evidence:
 * - surest: log odds of the network's surest pass here, above those of the weakest proposal; 0 for none
 * - look: log odds of the second look's sightings, above those of none: their mean
 * - hits: log(1 + overlapping hits of the cascade)
 */
export const EVIDENCE = ['surest', 'look', 'hits'] as const;

/**
 * The second look: each place fills half the view, as large as 64 and 96 pixels, as it is and mirrored. Faces are seen in all of these; a
 * hand or a crest on a sleeve that happens to look like a face at one size does so at few others.
 */
const SECOND_LOOK = [128, 192].flatMap((pixels) => [false, true].map((mirrored) => ({ pixels, mirrored })));

/** Surer sightings count as sure as this: above it, differences say nothing. */
const MOST_SIGHTING = 0.999;

/** How much a sighting says, 0 for none. */
export function weightOf({ score }: Sighting): number {
  return logOdds(Math.min(MOST_SIGHTING, score)) - logOdds(LEAST_SIGHTING);
}

/** Looks at places again. @param look asks the network: one sighting a look, in their order */
export async function gatherEvidence(
  places: readonly Place[],
  look: (looks: readonly Look[]) => Promise<readonly Sighting[]>,
): Promise<Evidence[]> {
  const looks = places.flatMap(({ square, angle }) => SECOND_LOOK.map((how) => ({ place: square, angle, ...how })));
  const sightings = await look(looks);
  const each = SECOND_LOOK.length;
  return places.map((place, k) => toEvidence(place, sightings.slice(k * each, (k + 1) * each)));
}

/** @param sightings of the second look at that place, at least one */
export function toEvidence(place: Place, sightings: readonly Sighting[]): Evidence {
  const weights = sightings.map(weightOf);
  const squares = sightings.flatMap(({ square }, k) => (square ? [{ square, weight: weights[k]! }] : []));
  const look = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return {
    proposed: place.square,
    seen: squares.length === 0 ? place.square : meanSquare(squares),
    angle: place.angle,
    numbers: [place.surest, look, Math.log1p(place.hits)],
  };
}
