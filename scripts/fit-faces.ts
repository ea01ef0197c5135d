import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeDurably } from '../src/emotion/layers-format/durable.ts';
import { UserError } from '../src/errors.ts';
import { EVIDENCE, type Evidence, gatherEvidence } from '../src/photo/fusion/evidence.ts';
import {
  FACE_SCORES_FILE,
  type FaceScore,
  keepFaces,
  SCORED_DETECTORS,
  type ScoredDetector,
} from '../src/photo/fusion/face-score.ts';
import { type Example, fitLogistic } from '../src/photo/fusion/fit.ts';
import { gatherPlaces, toBox } from '../src/photo/fusion/places.ts';
import { createProposers } from '../src/photo/fusion/proposals.ts';
import { judge, labelOf, type Tally, tally } from '../src/photo/measure/judge.ts';
import {
  type KnownFace,
  type KnownPhoto,
  loadKnownPhoto,
  readEmptyPictures,
  readKnownPhotos,
} from '../src/photo/measure/known-photos.ts';
import { type Rectangle, sharedArea } from '../src/photo/overlap.ts';
import { toGivenPicture, toSearchPicture } from '../src/photo/search-picture.ts';
import { runTool } from './command-line.ts';

/** Keeps three coefficients that rest on some seventy faces small; a third or three times as much keeps the same faces. */
const RIDGE = 1;
/** Examples lie in the picture with at least this part of theirs: of a face that is cut in half, labels may say one thing or the other. */
const LEAST_INSIDE = 2 / 3;
/** Scores are compared at these; the detectors' own is --threshold. */
const THRESHOLDS = [0.3, 0.4, 0.5, 0.6, 0.7];
const DEFAULT_THRESHOLD = '0.6';

const USAGE = `Usage: npm run --silent fit-faces -- --photos DIR --boxes FILE [--empty DIR] [--threshold N] [--write]

Fits the score by which the face detector keeps a face, with and without the cascades, on photos whose faces are known, and says what
is found, missed and false: of the same photos, and of each photo by a score that was fitted without it.

  --photos DIR   the photos
  --boxes FILE   the faces in them, as npm run evaluate reads them
  --empty DIR    pictures with nobody in them, for more examples of what is no face
  --threshold N  score from which on a place is a face, 0..1 (default: ${DEFAULT_THRESHOLD})
  --write        keep the scores in ${fileURLToPath(FACE_SCORES_FILE)}
  --help         show this
`;

await runTool(async (signal) => {
  const { values } = parseArgs({
    options: {
      photos: { type: 'string' },
      boxes: { type: 'string' },
      empty: { type: 'string' },
      threshold: { type: 'string', default: DEFAULT_THRESHOLD },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.photos === undefined || values.boxes === undefined)
    throw new UserError('bad-usage', 'Name the photos and the file of their faces: --photos DIR --boxes FILE.');
  const threshold = Number(values.threshold);
  if (!(threshold > 0 && threshold < 1)) throw new UserError('bad-usage', '--threshold is a number between 0 and 1.');
  const photos = await readKnownPhotos(values.photos, values.boxes);
  const empty = values.empty === undefined ? [] : await readEmptyPictures(values.empty);
  const scores: Partial<Record<ScoredDetector, FaceScore>> = {};
  const both = await lookAt([...photos, ...empty], signal);
  for (const detector of SCORED_DETECTORS) {
    const seen = both.map((photo) => ({ ...photo, evidence: photo.evidence[detector] }));
    const known = seen.slice(0, photos.length);
    const score = fitScore(seen, threshold);
    scores[detector] = score;
    console.log(`${detector}: intercept ${score.intercept.toFixed(2)}`);
    console.log(EVIDENCE.map((name, k) => `  ${name} ${score.coefficients[k]!.toFixed(2)}`).join(''));
    for (const at of THRESHOLDS) {
      const all = judgeAll(known, { ...score, threshold: at });
      const apart = leaveOneOut(seen, known, at);
      const nobody = judgeAll(seen.slice(photos.length), { ...score, threshold: at });
      console.log(
        `  from ${at}: ${inWords(all)}; each by the others: ${inWords(apart)}; nobody there: ${nobody.false} false`,
      );
    }
  }
  if (values.write) await writeDurably(fileURLToPath(FACE_SCORES_FILE), `${JSON.stringify(scores, null, 2)}\n`);
  return 0;
});

/** A photo with all that a detector took for a face in it, all in pixels of the picture that was searched. */
interface Seen {
  readonly picture: Rectangle;
  readonly faces: readonly KnownFace[];
  readonly evidence: readonly Evidence[];
}

async function lookAt(photos: readonly KnownPhoto[], signal: AbortSignal) {
  const proposers = createProposers(Math.min(2, availableParallelism()));
  try {
    const seen: (Omit<Seen, 'evidence'> & { evidence: Record<ScoredDetector, Evidence[]> })[] = [];
    for (const photo of photos) {
      const { image, faces } = await loadKnownPhoto(photo);
      const search = await toSearchPicture(image);
      const { network, haar } = await proposers.propose(search, signal);
      const gather = (cascades: typeof haar) =>
        gatherEvidence(gatherPlaces({ network, haar: cascades }), (looks) => proposers.look(search, looks, signal));
      seen.push({
        picture: { x: 0, y: 0, width: search.width, height: search.height },
        faces: faces.map((face) => toGivenPicture(face, image, search)),
        evidence: { fusion: await gather(haar), network: await gather([]) },
      });
    }
    return seen;
  } finally {
    await proposers.close();
  }
}

/** Every place as an example of a face or of something else; parts of faces, and faces that the edge cuts, are neither. */
function examplesOf(seen: readonly Seen[]): Example[] {
  return seen.flatMap(({ picture, faces, evidence }) =>
    evidence.flatMap(({ proposed, numbers }) => {
      const box = toBox(proposed);
      if (sharedArea(box, picture) < LEAST_INSIDE * box.width * box.height) return [];
      const label = labelOf(box, faces);
      return label === undefined ? [] : [{ numbers, face: label === 'face' }];
    }),
  );
}

function fitScore(seen: readonly Seen[], threshold: number): FaceScore {
  const { intercept, coefficients } = fitLogistic(examplesOf(seen), RIDGE);
  const round = (value: number) => Number(value.toFixed(3));
  return { intercept: round(intercept), coefficients: coefficients.map(round), threshold };
}

function judgeAll(seen: readonly Seen[], score: FaceScore): Tally {
  return tally(
    seen.map(({ faces, evidence }) => {
      const boxes = keepFaces(evidence, score).map(({ square }) => toBox(square));
      return judge(boxes, faces);
    }),
  );
}

/** Each photo judged by a score that was fitted without it. */
function leaveOneOut(seen: readonly Seen[], known: readonly Seen[], threshold: number): Tally {
  const sum = { found: 0, missed: 0, false: 0 };
  for (const photo of known) {
    const score = fitScore(
      seen.filter((other) => other !== photo),
      threshold,
    );
    const result = judgeAll([photo], score);
    sum.found += result.found;
    sum.missed += result.missed;
    sum.false += result.false;
  }
  return sum;
}

function inWords({ found, missed, false: wrong }: Tally): string {
  return `${found} found, ${missed} missed, ${wrong} false`;
}
