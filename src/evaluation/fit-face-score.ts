import { availableParallelism } from 'node:os';
import { type Rectangle, sharedArea, toBox, toCopy } from '../photo/faces/box.ts';
import { type Evidence, gatherEvidence } from '../photo/faces/evidence.ts';
import { gatherPlaces } from '../photo/faces/places.ts';
import { type FaceScore, keepFaces, type ScoredDetector } from '../photo/faces/score.ts';
import { createProposers } from '../photo/faces/scored-detector.ts';
import { toSearchPicture } from '../photo/faces/search-picture.ts';
import { type GrayImage, toGray } from '../photo/image.ts';
import { type Example, fitLogistic } from './fit-logistic.ts';
import { judge, type KnownFace, type KnownPhoto, labelOf, loadKnownPhoto, type Tally, tally } from './known-photos.ts';

/** Keeps three coefficients that rest on some seventy faces small; a third or three times as much keeps the same faces. */
const RIDGE = 1;
/** Examples lie in the picture with at least this part of theirs: of a face that is cut in half, labels may say one thing or the other. */
const LEAST_INSIDE = 2 / 3;

/** A photo with all that a detector took for a face in it, all in pixels of the picture that was searched. */
export interface Seen {
  readonly picture: Rectangle;
  readonly faces: readonly KnownFace[];
  readonly evidence: readonly Evidence[];
}

/** A photo as both detectors saw it. */
export interface SeenByBoth extends Omit<Seen, 'evidence'> {
  readonly gray: GrayImage;
  readonly evidence: Readonly<Record<ScoredDetector, readonly Evidence[]>>;
}

/** Looks at photos as the detectors do, and keeps all that speaks for a face anywhere in them. */
export async function lookAt(photos: readonly KnownPhoto[], signal: AbortSignal): Promise<SeenByBoth[]> {
  const proposers = createProposers(Math.min(2, availableParallelism()));
  try {
    const seen: SeenByBoth[] = [];
    for (const photo of photos) {
      const { image, faces } = await loadKnownPhoto(photo);
      const search = await toSearchPicture(image);
      const { network, haar } = await proposers.propose(search, signal);
      const gather = (cascades: typeof haar) =>
        gatherEvidence(gatherPlaces({ network, haar: cascades }), (looks) => proposers.look(search, looks, signal));
      seen.push({
        picture: { x: 0, y: 0, width: search.width, height: search.height },
        gray: toGray(search),
        faces: faces.map((face) => toCopy(face, image, search)),
        evidence: { fusion: await gather(haar), network: await gather([]) },
      });
    }
    return seen;
  } finally {
    await proposers.close();
  }
}

/** Every place as an example of a face or of something else; parts of faces, and faces that the edge cuts, are neither. */
export function examplesOf(seen: readonly Seen[]): Example[] {
  return seen.flatMap(({ picture, faces, evidence }) =>
    evidence.flatMap(({ proposed, numbers }) => {
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

/** What is found, missed and false where a score decides. */
export function judgeAll(seen: readonly Seen[], score: FaceScore): Tally {
  return tally(
    seen.map(({ picture, faces, evidence }) => {
      const boxes = keepFaces(evidence, score, picture).map(({ square }) => toBox(square));
      return judge(boxes, faces);
    }),
  );
}

/** Each known photo with the score that is fitted to all the others. */
export function* scoredByOthers(seen: readonly Seen[], known: readonly Seen[], threshold: number) {
  for (const photo of known) {
    const others = seen.filter((other) => other !== photo);
    yield { photo, score: fitScore(others, threshold) };
  }
}

/** Each photo judged by a score that was fitted without it. */
export function leaveOneOut(seen: readonly Seen[], known: readonly Seen[], threshold: number): Tally {
  const sum = { found: 0, missed: 0, false: 0 };
  for (const { photo, score } of scoredByOthers(seen, known, threshold)) {
    const result = judgeAll([photo], score);
    sum.found += result.found;
    sum.missed += result.missed;
    sum.false += result.false;
  }
  return sum;
}

export function inWords({ found, missed, false: wrong }: Tally): string {
  return `${found} found, ${missed} missed, ${wrong} false`;
}
