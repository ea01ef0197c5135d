import { logOdds } from '../../base/numbers.ts';
import { meanSquare, type Square } from './box.ts';
import { LEAST_SIGHTING } from './network/boxes.ts';
import type { Look, Sighting } from './network/network.ts';
import type { Place } from './places.ts';

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

/** Sightings with a higher score count as if they had this one: above it, differences say nothing. */
const MOST_SIGHTING = 0.999;

/** How a kept face is looked at to tell how far its head leans: turned back by each of these angles, in two sizes. */
const LEAN_ANGLES = [-60, -30, 0, 30, 60];
const LEAN_SIZES = [128, 160];

/** What is seen well counts this much more than what is seen badly: the power that errs least on photos turned by known angles. */
const LEAN_POWER = 4;

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

/** The looks that tell a face's lean. */
export function leanLooks(place: Square): Look[] {
  return LEAN_ANGLES.flatMap((angle) => LEAN_SIZES.map((pixels) => ({ place, angle, pixels, mirrored: false })));
}

/**
 * How far a head leans clockwise, in degrees: the mean of the angles looked from, each weighted by how well the face was seen from it.
 * @param sightings of leanLooks, in their order
 * @param otherwise what to answer when nothing was seen at all
 */
export function leanOf(sightings: readonly Sighting[], otherwise: number): number {
  const each = LEAN_SIZES.length;
  let sum = 0;
  let total = 0;
  LEAN_ANGLES.forEach((angle, k) => {
    const seen = sightings.slice(k * each, (k + 1) * each);
    const weight = (seen.reduce((all, sighting) => all + weightOf(sighting), 0) / each) ** LEAN_POWER;
    sum += weight * angle;
    total += weight;
  });
  return total === 0 ? otherwise : sum / total;
}
