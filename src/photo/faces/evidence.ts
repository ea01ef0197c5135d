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
 * - surest: log odds of the network's surest pass here, above those of the weakest proposal
 * - look: log odds of the second look's sightings, above those of none: their mean
 */
export const EVIDENCE = ['surest', 'look'] as const;

/**
 * The second look: each place fills half the view, as large as 64 and 96 pixels, as it is and mirrored. Faces are seen in all of these; a
 * hand or a crest on a sleeve that happens to look like a face at one size does so at few others. One view comes first, and settles what
 * is plainly a face or plainly none; what is in doubt is looked at in one more, and in all four where that leaves doubt.
 */
const SECOND_LOOK = [
  [{ pixels: 128, mirrored: true }],
  [{ pixels: 192, mirrored: false }],
  [
    { pixels: 128, mirrored: false },
    { pixels: 192, mirrored: true },
  ],
] as const;

/** Sightings with a higher score count as if they had this one: above it, differences say nothing. */
const MOST_SIGHTING = 0.999;

/**
 * How a kept face is looked at to tell how far its head leans: turned back by each of these angles. Where that says that it leans, a second
 * size makes it surer. On photos turned by known angles one size errs by 7 degrees, both by 5.
 */
const LEAN_ANGLES = [-60, -30, 0, 30, 60];
export const LEAN_SIZE = 128;
/** Those of the angles that tell whether a head stands upright or on its top. */
export const UPRIGHT_ANGLES = [-30, 0, 30];
const SECOND_LEAN_SIZE = 160;
/** Degrees: a head that leans by less is cropped as well as one that stands upright. */
const LEANING = 15;

/** What is seen well counts this much more than what is seen badly: the power that errs least on photos turned by known angles. */
const LEAN_POWER = 4;

/** How much a sighting says, 0 for none. */
export function weightOf({ score }: Sighting): number {
  return logOdds(Math.min(MOST_SIGHTING, score)) - logOdds(LEAST_SIGHTING);
}

/** Asks the network: one sighting a look, in their order. */
type AskNetwork = (looks: readonly Look[]) => Promise<readonly Sighting[]>;

/**
 * Looks at places again.
 * @param isSettled whether further looks at a place would change nothing; all are made unless told
 */
export async function gatherEvidence(
  places: readonly Place[],
  look: AskNetwork,
  isSettled: (evidence: Evidence) => boolean = () => false,
): Promise<Evidence[]> {
  const seen = places.map((place) => ({ place, sightings: [] as Sighting[] }));
  for (const views of SECOND_LOOK) {
    const open = seen.filter(
      ({ place, sightings }) => sightings.length === 0 || !isSettled(toEvidence(place, sightings)),
    );
    const looks = open.flatMap(({ place: { square, angle } }) =>
      views.map((view) => ({ place: square, angle, ...view })),
    );
    const sightings = await look(looks);
    for (const [k, one] of open.entries()) {
      one.sightings.push(...sightings.slice(k * views.length, (k + 1) * views.length));
    }
  }
  return seen.map(({ place, sightings }) => toEvidence(place, sightings));
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
    numbers: [place.surest, look],
  };
}

/** How a head leans. */
export interface Lean {
  /** Degrees clockwise. */
  readonly angle: number;
  /** How well the face is seen as it stands: the mean of what weightOf says of looks from each of UPRIGHT_ANGLES, in LEAN_SIZE. */
  readonly upright: number;
}

/**
 * How far heads lean.
 * @param faces each with where it is, and what to answer where it is not seen at all
 */
export async function leansOf(
  faces: readonly { readonly square: Square; readonly angle: number }[],
  look: AskNetwork,
): Promise<Lean[]> {
  const lookIn = async (squares: readonly Square[], pixels: number) => {
    const sightings = await look(
      squares.flatMap((place) => LEAN_ANGLES.map((angle) => ({ place, angle, pixels, mirrored: false }))),
    );
    const each = LEAN_ANGLES.length;
    return squares.map((_, k) => sightings.slice(k * each, (k + 1) * each).map(weightOf));
  };
  const first = await lookIn(
    faces.map(({ square }) => square),
    LEAN_SIZE,
  );
  const leans = faces.map(({ angle }, k) => leanOf(first[k]!, angle));
  const leaning = faces.map((_, k) => k).filter((k) => Math.abs(leans[k]!) > LEANING);
  const second = await lookIn(
    leaning.map((k) => faces[k]!.square),
    SECOND_LEAN_SIZE,
  );
  leaning.forEach((face, k) => {
    const both = first[face]!.map((weight, angle) => (weight + second[k]![angle]!) / 2);
    leans[face] = leanOf(both, faces[face]!.angle);
  });
  const upright = (weights: readonly number[]) =>
    LEAN_ANGLES.reduce((sum, angle, k) => sum + (UPRIGHT_ANGLES.includes(angle) ? weights[k]! : 0), 0);
  return leans.map((angle, k) => ({ angle, upright: upright(first[k]!) / UPRIGHT_ANGLES.length }));
}

/** The mean of the angles looked from, each weighted by how well the face was seen from it. @param weights one for each of LEAN_ANGLES */
function leanOf(weights: readonly number[], otherwise: number): number {
  let sum = 0;
  let total = 0;
  LEAN_ANGLES.forEach((angle, k) => {
    const weight = weights[k]! ** LEAN_POWER;
    sum += weight * angle;
    total += weight;
  });
  return total === 0 ? otherwise : sum / total;
}
