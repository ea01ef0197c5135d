import { logistic } from '../base/numbers.ts';
import { type Rectangle, sharedArea, toBox, toCopy } from '../photo/faces/box.ts';
import { type Evidence, gatherEvidence, STAGES } from '../photo/faces/evidence.ts';
import { type Look, NETWORK_PASSES } from '../photo/faces/network/network.ts';
import { gatherPlaces } from '../photo/faces/places.ts';
import { type FaceScore, keepFaces, mayChange, scored } from '../photo/faces/score.ts';
import { createDetectorNetwork } from '../photo/faces/scored-detector.ts';
import { toSearchPicture } from '../photo/faces/search-picture.ts';
import {
  addUp,
  judge,
  type KnownFace,
  type KnownPhoto,
  labelOf,
  loadKnownPhoto,
  type Tally,
  tally,
} from './known-photos.ts';

/**
 * Weight of the ridge, which keeps the coefficients small, since they rest on about seventy faces. With a third of this value, or three
 * times as much, the same faces are kept.
 */
const RIDGE = 1;
/** At least this share of an example lies within the picture. A face that is cut in half may be labelled as a face or not. */
const LEAST_INSIDE = 2 / 3;

/** A photo with all places that the detector took for faces, in pixels of the picture that was searched. */
interface Seen {
  readonly picture: Rectangle;
  readonly faces: readonly KnownFace[];
  /** For each place, the evidence after each stage of the second look. */
  readonly places: readonly (readonly Evidence[])[];
}

/** Searches photos as the detector does, and keeps all evidence for faces in them. */
export async function lookAt(photos: readonly KnownPhoto[], signal: AbortSignal): Promise<Seen[]> {
  const network = createDetectorNetwork();
  try {
    const seen: Seen[] = [];
    for (const photo of photos) {
      const { image, faces } = await loadKnownPhoto(photo);
      const search = await toSearchPicture(image);
      const places = gatherPlaces(await network.propose(search, NETWORK_PASSES, signal));
      // All views of all places are kept: the score that decides which of them count is not fitted yet.
      const look = (looks: readonly Look[]) => network.look(search, looks, signal);
      const stages: Evidence[][] = [];
      for (let last = 1; last <= STAGES; last++)
        stages.push(await gatherEvidence(places, look, (_, stage) => stage < last));
      seen.push({
        picture: { x: 0, y: 0, width: search.width, height: search.height },
        faces: faces.map((face) => toCopy(face, image, search)),
        places: places.map((_, k) => stages.map((evidence) => evidence[k]!)),
      });
    }
    return seen;
  } finally {
    await network.close();
  }
}

/**
 * Makes every place an example of a face or of something else. Its numbers are those before the last stage, whose views only places that
 * the picture's edge cuts get. Parts of faces, and faces that the edge cuts, are left out.
 */
export function examplesOf(seen: readonly Seen[]): Example[] {
  return seen.flatMap(({ picture, faces, places }) =>
    places.flatMap((stages) => {
      const { proposed, numbers } = stages[STAGES - 2]!;
      const box = toBox(proposed);
      if (sharedArea(box, picture) < LEAST_INSIDE * box.width * box.height) return [];
      const label = labelOf(box, faces);
      return label === undefined ? [] : [{ numbers, face: label === 'face' }];
    }),
  );
}

/** Fits a score to these photos. */
export function fitScore(seen: readonly Seen[], threshold: number): FaceScore {
  const { intercept, coefficients } = fitLogistic(examplesOf(seen), RIDGE);
  const round = (value: number) => Number(value.toFixed(3));
  return { intercept: round(intercept), coefficients: coefficients.map(round), threshold };
}

/** Counts the found, missed and false faces with a score. */
export function judgeAll(seen: readonly Seen[], score: FaceScore): Tally {
  return tally(
    seen.map(({ picture, faces, places }) => {
      const evidence = places.map(
        (stages) => stages.find((one, k) => !mayChange(one, k + 1, score, picture)) ?? stages.at(-1)!,
      );
      const boxes = keepFaces(scored(evidence, score), score.threshold, picture).map(({ square }) => toBox(square));
      return judge(boxes, faces);
    }),
  );
}

/** Each known photo judged by a score that was fitted without it. */
export function leaveOneOut(seen: readonly Seen[], known: readonly Seen[], threshold: number): Tally {
  return addUp(
    known.map((photo) => {
      const others = seen.filter((other) => other !== photo);
      const { found, missed, false: wrong } = judgeAll([photo], fitScore(others, threshold));
      return [found, missed, wrong];
    }),
  );
}

export function tallyText({ found, missed, false: wrong }: Tally): string {
  return `${found} found, ${missed} missed, ${wrong} false`;
}

/** A place with its numbers, and whether it is a face. */
export interface Example {
  readonly numbers: readonly number[];
  readonly face: boolean;
}

/** Newton's method has long converged after this many steps. */
const STEPS = 60;

/**
 * Fits a logistic regression by Newton's method (iteratively reweighted least squares), with a ridge on all but the intercept.
 * @param ridge weight of the squared coefficients, added to the negative log likelihood; keeps them small where examples are few
 * @throws when there are no faces among the examples, or nothing else
 */
export function fitLogistic(
  examples: readonly Example[],
  ridge: number,
): { intercept: number; coefficients: number[] } {
  const faces = examples.filter(({ face }) => face).length;
  if (faces === 0 || faces === examples.length) throw new Error('a score needs examples of faces and of others');
  const rows = examples.map(({ numbers }) => [1, ...numbers]);
  const size = rows[0]!.length;
  let weights = new Array<number>(size).fill(0);
  for (let step = 0; step < STEPS; step++) {
    // The intercept's tiny ridge keeps the equations solvable and changes nothing else.
    const penalty = weights.map((_, k) => (k === 0 ? 1e-6 : ridge));
    const gradient = weights.map((weight, k) => penalty[k]! * weight);
    const curvature = weights.map((_, i) => weights.map((_, j) => (i === j ? penalty[i]! : 0)));
    for (const [n, row] of rows.entries()) {
      const p = logistic(row.reduce((sum, value, k) => sum + value * weights[k]!, 0));
      for (let i = 0; i < size; i++) {
        gradient[i]! += (p - (examples[n]!.face ? 1 : 0)) * row[i]!;
        for (let j = 0; j < size; j++) curvature[i]![j]! += p * (1 - p) * row[i]! * row[j]!;
      }
    }
    const change = solve(curvature, gradient);
    weights = weights.map((weight, k) => weight - change[k]!);
  }
  const [intercept, ...coefficients] = weights;
  return { intercept: intercept!, coefficients };
}

/** Solves a symmetric positive definite system by Gaussian elimination. */
function solve(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const rows = matrix.map((row, k) => [...row, vector[k]!]);
  const size = rows.length;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = pivot + 1; row < size; row++) {
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let k = pivot; k <= size; k++) rows[row]![k]! -= factor * rows[pivot]![k]!;
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row--) {
    let rest = rows[row]![size]!;
    for (let k = row + 1; k < size; k++) rest -= rows[row]![k]! * solution[k]!;
    solution[row] = rest / rows[row]![row]!;
  }
  return solution;
}
