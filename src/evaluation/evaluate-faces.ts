import { createFaceDetector } from '../photo/faces/create-detector.ts';
import { DETECTORS, type DetectorChoice } from '../photo/faces/detector.ts';
import {
  type Judgement,
  judge,
  type KnownPhoto,
  LEAST_WIDTH,
  loadKnownPhoto,
  readEmptyPictures,
  readKnownPhotos,
  type Tally,
  tally,
} from './known-photos.ts';

/** Options of `npm run evaluate` for face detection. */
interface FacesQuestion {
  /** Folder of the photos. */
  readonly photos: string;
  /** File with the faces in them; absent where there are no people in any. */
  readonly boxes: string | undefined;
  /** A detector; all of them by default. */
  readonly detector: DetectorChoice | undefined;
  /** Degrees clockwise by which the photos are turned, one round for each. */
  readonly tilts: readonly number[];
}

/** Result of one detector on photos turned by one angle. */
interface FacesAnswer extends Tally {
  readonly detector: DetectorChoice;
  /** Degrees clockwise. */
  readonly tilt: number;
  readonly photos: number;
  /** Photos with missed or false faces, and how many of each. */
  readonly flaws: readonly { readonly photo: string; readonly missed: number; readonly false: number }[];
}

/**
 * Measures detectors on photos whose faces are known, or on photos without people.
 * @throws UserError bad-data, no-data; those of decodePhoto; the signal's reason when it was aborted
 */
export async function evaluateFaces(question: FacesQuestion, signal: AbortSignal): Promise<FacesAnswer[]> {
  const detectors = question.detector === undefined ? DETECTORS : [question.detector];
  const photos =
    question.boxes === undefined
      ? await readEmptyPictures(question.photos)
      : await readKnownPhotos(question.photos, question.boxes);
  const answers: FacesAnswer[] = [];
  for (const detector of detectors)
    for (const tilt of question.tilts) answers.push(await measure(photos, detector, tilt, signal));
  return answers;
}

async function measure(
  photos: readonly KnownPhoto[],
  choice: DetectorChoice,
  tilt: number,
  signal: AbortSignal,
): Promise<FacesAnswer> {
  const detector = createFaceDetector({ detector: choice });
  const judgements: Judgement[] = [];
  try {
    for (const photo of photos) {
      const { image, faces } = await loadKnownPhoto(photo, tilt);
      judgements.push(judge(await detector.detect(image, { signal }), faces));
    }
  } finally {
    await detector.close();
  }
  const flaws = photos.flatMap(({ name }, k) => {
    const { missed, false: wrong } = judgements[k]!;
    return missed.length + wrong.length === 0 ? [] : [{ photo: name, missed: missed.length, false: wrong.length }];
  });
  return { detector: choice, tilt, photos: photos.length, ...tally(judgements), flaws };
}

/** The answers as a table, a line each, followed by the photos with missed or false faces. */
export function facesTable(answers: readonly FacesAnswer[]): string {
  const line = (...cells: (string | number)[]) => cells.map((cell) => String(cell).padStart(9)).join('');
  return [
    `Faces at least ${LEAST_WIDTH} pixels wide`,
    line('detector', 'tilt', 'photos', 'found', 'missed', 'false'),
    ...answers.flatMap((answer) => [
      line(answer.detector, answer.tilt, answer.photos, answer.found, answer.missed, answer.false),
      ...answer.flaws.map((flaw) => `            ${flaw.photo}: ${flaw.missed} missed, ${flaw.false} false`),
    ]),
  ].join('\n');
}
