import { logOdds } from '../../base/numbers.ts';
import { meanSquare, type Square } from './box.ts';
import { LEAST_SIGHTING } from './network/boxes.ts';
import type { Look, Sighting } from './network/network.ts';
import type { Place } from './places.ts';

/** The evidence for a face at one place in the picture. */
export interface Evidence {
  /** Where it was proposed. */
  readonly proposed: Square;
  /** Where the second look saw it: the mean of the sightings, or the proposed place if there were none. */
  readonly seen: Square;
  /** How far the head leans clockwise, in degrees. */
  readonly angle: number;
  /** What the score is computed from, in the order of EVIDENCE. */
  readonly numbers: readonly number[];
  /** How well a face is seen there from each of UPRIGHT_ANGLES (see weightOf); empty if the first view left no doubt. */
  readonly fromAngles: readonly number[];
}

/**
 * The numbers of a piece of evidence:
 * - surest: log odds of the network's surest pass here, above those of the weakest proposal
 * - look: log odds of the second look's sightings, above those of none: their mean
 */
export const EVIDENCE = ['surest', 'look'] as const;

/** The angles that a place is viewed from: it is turned back by each. */
export const UPRIGHT_ANGLES = [-30, 0, 30];
/** Further angles and the view size, in pixels, that are used to measure how far a kept face's head leans. */
const FURTHER_ANGLES = [-60, 60];
const LEAN_SIZE = 96;
/**
 * Where the measured lean is at least this many degrees, all angles are viewed again in a larger size, and the two results are averaged. On
 * photos turned by known angles the error is then 7 degrees; with the first size alone it is 8.5.
 */
const LEANING = 10;
const LARGER_LEAN_SIZE = 128;

/**
 * How a place is shown: the size of the view in pixels, and the angle that the place is turned back by. The place fills the middle half.
 */
type View = Omit<Look, 'place'>;

/** A head that leans by less, in degrees, is looked at upright first, which is one of UPRIGHT_ANGLES. */
const NEARLY_UPRIGHT = 15;

/**
 * The stages of the second look. One view is enough for a place that is clearly no face. The others are viewed from three angles, since a
 * hand or a crest on a sleeve may look like a face from one angle but seldom from others. Places still in doubt are viewed in a larger
 * size. Places that the picture's edge cuts are half mirror image, so they get all these views.
 */
const SECOND_LOOK: readonly ((place: Place) => readonly View[])[] = [
  (place) => [{ pixels: LEAN_SIZE, angle: firstAngle(place), mirrored: false }],
  (place) => furtherAngles(place).map((angle) => ({ pixels: LEAN_SIZE, angle, mirrored: false })),
  ({ angle }) => [{ pixels: 192, angle, mirrored: false }],
  ({ angle }) => [
    { pixels: 128, angle, mirrored: false },
    { pixels: 128, angle, mirrored: true },
    { pixels: 192, angle, mirrored: true },
  ],
];
/** Number of stages of the second look. */
export const STAGES = SECOND_LOOK.length;

function firstAngle({ angle }: Place): number {
  return Math.abs(angle) < NEARLY_UPRIGHT ? 0 : angle;
}

/** Those of UPRIGHT_ANGLES that the first view was not from. */
function furtherAngles(place: Place): number[] {
  return UPRIGHT_ANGLES.filter((angle) => angle !== firstAngle(place));
}

/** Higher scores of sightings are cut to this one, since differences above it mean nothing. */
const MOST_SIGHTING = 0.999;

/** Exponent that gives good sightings more weight than bad ones: the one with the smallest error on photos turned by known angles. */
const LEAN_POWER = 6;

/** Weight of a sighting; 0 for none. */
export function weightOf({ score }: Sighting): number {
  return logOdds(Math.min(MOST_SIGHTING, score)) - logOdds(LEAST_SIGHTING);
}

/** Asks the network: one sighting per look, in their order. */
type AskNetwork = (looks: readonly Look[]) => Promise<readonly Sighting[]>;

/** Whether more looks at a place may change the decision about it. @param stage number of stages of the second look so far, at least 1 */
type GoesOn = (evidence: Evidence, stage: number) => boolean;

/**
 * Places (or faces) are divided into this many shares, which go through the stages independently. While one share waits for its
 * answer, the network works on another's, and no share waits for the slowest at each stage.
 */
const SHARES = 3;

/** Has the work done on each share of the items, and puts the results in the items' order. */
async function inShares<Item, Result>(
  items: readonly Item[],
  work: (share: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  await Promise.all(
    Array.from({ length: Math.min(SHARES, items.length) }, async (_, first) => {
      // The surest come first and need the most looks, so each share gets some of them.
      const share = items.filter((_, k) => k % SHARES === first);
      for (const [k, result] of (await work(share)).entries()) results[first + k * SHARES] = result;
    }),
  );
  return results;
}

/** Gives places their second look. @param goesOn whether a place needs the next stage; all stages are made by default */
export async function gatherEvidence(
  places: readonly Place[],
  look: AskNetwork,
  goesOn: GoesOn = () => true,
): Promise<Evidence[]> {
  return await inShares(places, (share) => gatherOfShare(share, look, goesOn));
}

async function gatherOfShare(places: readonly Place[], look: AskNetwork, goesOn: GoesOn): Promise<Evidence[]> {
  const seen = places.map((place) => ({ place, sightings: [] as Sighting[], isOpen: true }));
  for (const [stage, viewsOf] of SECOND_LOOK.entries()) {
    const open = seen.filter(({ isOpen }) => isOpen);
    if (open.length === 0) break;
    const looks = open.map(({ place }) => viewsOf(place).map((view): Look => ({ place: place.square, ...view })));
    const sightings = await look(looks.flat());
    let at = 0;
    for (const [k, one] of open.entries()) {
      const from = at;
      at += looks[k]!.length;
      one.sightings.push(...sightings.slice(from, at));
      one.isOpen = goesOn(toEvidence(one.place, one.sightings), stage + 1);
    }
  }
  return seen.map(({ place, sightings }) => toEvidence(place, sightings));
}

/** @param sightings of the second look at that place: of its first stage, or of its first stages */
export function toEvidence(place: Place, sightings: readonly Sighting[]): Evidence {
  const first = sightings[0]!;
  const angles = furtherAngles(place);
  const turned = sightings.slice(1, 1 + angles.length);
  const larger = sightings.slice(1 + angles.length);
  const weights = turned.map(weightOf);
  const surestTurned = turned.length === 0 ? [] : [turned[weights.indexOf(Math.max(...weights))]!];
  const squares = [first, ...surestTurned, ...larger].flatMap((sighting) =>
    sighting.square ? [{ square: sighting.square, weight: weightOf(sighting) }] : [],
  );
  const fromAngles =
    turned.length === 0 ? [] : UPRIGHT_ANGLES.map((angle) => weights[angles.indexOf(angle)] ?? weightOf(first));
  return {
    proposed: place.square,
    seen: squares.length === 0 ? place.square : meanSquare(squares),
    angle: place.angle,
    numbers: [place.surest, lookOf(weightOf(first), fromAngles, larger.map(weightOf))],
    fromAngles,
  };
}

/**
 * Combines all looks into one number. A head, leaning or upright, is seen well from two neighbouring angles, so the pair that sees it
 * better counts.
 */
function lookOf(first: number, fromAngles: readonly number[], larger: readonly number[]): number {
  if (fromAngles.length === 0) return first;
  const pairs = fromAngles.slice(1).map((weight, k) => (weight + fromAngles[k]!) / 2);
  const small = (first + 2 * Math.max(...pairs)) / 3;
  return larger.reduce((sum, weight) => sum + weight, small) / (1 + larger.length);
}

/** All angles, in the order in which a head that turns passes them. */
const LEAN_ANGLES = [FURTHER_ANGLES[0]!, ...UPRIGHT_ANGLES, FURTHER_ANGLES[1]!];

/** A face whose lean is measured: its place, how well it is seen from UPRIGHT_ANGLES, and the answer if it is not seen at all. */
interface LeaningFace extends Pick<Evidence, 'angle' | 'fromAngles'> {
  readonly square: Square;
}

/** How far heads lean, in degrees clockwise. */
export async function leansOf(faces: readonly LeaningFace[], look: AskNetwork): Promise<number[]> {
  return await inShares(faces, (share) => leansOfShare(share, look));
}

async function leansOfShare(faces: readonly LeaningFace[], look: AskNetwork): Promise<number[]> {
  const lookFrom = async (angles: readonly number[], pixels: number, squares: readonly Square[]) => {
    const sightings = await look(
      squares.flatMap((place) => angles.map((angle) => ({ place, angle, pixels, mirrored: false }))),
    );
    return squares.map((_, k) => sightings.slice(k * angles.length, (k + 1) * angles.length).map(weightOf));
  };
  const further = await lookFrom(
    FURTHER_ANGLES,
    LEAN_SIZE,
    faces.map(({ square }) => square),
  );
  const leans = faces.map(({ angle, fromAngles }, k) => {
    const [left, right] = further[k] as [number, number];
    return leanOf([left, ...fromAngles, right], angle);
  });
  const leaning = faces.map((_, k) => k).filter((k) => Math.abs(leans[k]!) >= LEANING);
  if (leaning.length === 0) return leans;
  const larger = await lookFrom(
    LEAN_ANGLES,
    LARGER_LEAN_SIZE,
    leaning.map((k) => faces[k]!.square),
  );
  leaning.forEach((face, k) => {
    leans[face] = (leans[face]! + leanOf(larger[k]!, leans[face]!)) / 2;
  });
  return leans;
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
