import { weightOf } from './evidence.ts';
import type { Square } from './network/frame.ts';
import type { Look, Sighting } from './network/look.ts';

/** How a face is looked at to tell how far its head leans: turned back by each of these, in two sizes. */
const ANGLES = [-60, -30, 0, 30, 60];
const SIZES = [128, 160];

/** What is seen well counts this much more than what is seen badly: the power that errs least on photos turned by known angles. */
const POWER = 4;

/** The looks that tell a face's lean. */
export function leanLooks(place: Square): Look[] {
  return ANGLES.flatMap((angle) => SIZES.map((pixels) => ({ place, angle, pixels, mirrored: false })));
}

/**
 * How far a head leans clockwise, in degrees: the mean of the angles looked from, each weighted by how well the face was seen from it.
 * @param sightings of leanLooks, in their order
 * @param otherwise what to answer when nothing was seen at all
 */
export function leanOf(sightings: readonly Sighting[], otherwise: number): number {
  let sum = 0;
  let total = 0;
  ANGLES.forEach((angle, k) => {
    const seen = sightings.slice(k * SIZES.length, (k + 1) * SIZES.length);
    const weight = (seen.reduce((all, sighting) => all + weightOf(sighting), 0) / SIZES.length) ** POWER;
    sum += weight * angle;
    total += weight;
  });
  return total === 0 ? otherwise : sum / total;
}
