import { UserError } from '../../base/errors.ts';
import { EMOTIONS, type Emotion, likeliestEmotion } from '../../emotion/labels.ts';
import type { Rectangle } from '../../photo/faces/box.ts';
import { searchScale } from '../../photo/faces/search-picture.ts';
import type { FaceReading } from '../../photo/read-photo.ts';
import { LEAST_WIDTH, matchBoxes } from '../known-photos.ts';
import type { LabelledFace, PhotoLabels } from './labels.ts';

/** A face that was read; `number` is the one in the annotated picture. */
interface Detected {
  readonly number: number;
  readonly reading: FaceReading;
}

/** The verdict on one face. Boxes are in pixels of the upright photo. */
export type JudgedFace =
  /** Found. It is right if its likeliest emotion is the label's or one that the label allows. */
  | (Detected & { readonly verdict: 'right' | 'wrong'; readonly label: LabelledFace })
  /** A box that shows no labelled face, or one that a better box shows already. */
  | (Detected & { readonly verdict: 'false' })
  /** A labelled face without a box; 'small' where it is too small to count as missed. */
  | { readonly verdict: 'missed' | 'small'; readonly label: LabelledFace }
  /** Read in a photo without labels. */
  | (Detected & { readonly verdict: 'unlabelled' });

export type Verdict = JudgedFace['verdict'];

/** Largest difference between the shapes of the labels' picture and the photo, as a share: sizes are rounded to whole pixels. */
const SHAPE_TOLERANCE = 0.01;

/**
 * Compares the readings of a photo with its labels.
 * @param photo its size in pixels, upright, and its faces in the order of their numbers
 * @param labels absent where it has none
 * @returns detections in the order of their numbers, then the faces that were not found
 * @throws UserError bad-data where the labels are of a picture of another shape
 */
export function judgePhoto(
  photo: { readonly width: number; readonly height: number; readonly faces: readonly FaceReading[] },
  labels: PhotoLabels | undefined,
): JudgedFace[] {
  const detected = photo.faces.map((reading, k) => ({ number: k + 1, reading }));
  if (!labels) return detected.map((face) => ({ ...face, verdict: 'unlabelled' }));
  const known = inPhotoPixels(labels, photo);
  const boxes = matchBoxes(
    photo.faces.map(({ box }) => box),
    known,
  );
  const found = detected.map((face, k): JudgedFace => {
    const label = known[boxes.indexOf(k)];
    if (!label) return { ...face, verdict: 'false' };
    return { ...face, verdict: accepts(label, likeliestEmotion(face.reading.scores)) ? 'right' : 'wrong', label };
  });
  const scale = searchScale(photo.width, photo.height);
  const rest = known.filter((_, k) => boxes[k] === undefined);
  const notFound = rest.map((label): JudgedFace => {
    return { verdict: label.width * scale < LEAST_WIDTH ? 'small' : 'missed', label };
  });
  return [...found, ...notFound];
}

/** Where a judged face is, in pixels of the upright photo. */
export function boxOf(face: JudgedFace): Rectangle {
  return 'reading' in face ? face.reading.box : face.label;
}

function accepts(label: LabelledFace, emotion: Emotion): boolean {
  return label.emotion === emotion || label.also.includes(emotion);
}

function inPhotoPixels(labels: PhotoLabels, photo: { readonly width: number; readonly height: number }) {
  const scale = { x: photo.width / labels.width, y: photo.height / labels.height };
  if (Math.abs(scale.x / scale.y - 1) > SHAPE_TOLERANCE)
    throw new UserError(
      'bad-data',
      `Its labels are of a picture of ${labels.width} x ${labels.height} pixels, but it has ${photo.width} x ${photo.height}: ` +
        'the width and height in the labels file must have its shape.',
    );
  return labels.faces.map((face) => ({
    ...face,
    x: face.x * scale.x,
    y: face.y * scale.y,
    width: face.width * scale.x,
    height: face.height * scale.y,
  }));
}

/** Verdicts on detections; they add up to the number of detections in labelled photos. */
export interface Counts {
  right: number;
  wrong: number;
  false: number;
}

/** The verdicts on the faces with one label. */
export interface EmotionRow extends Omit<Counts, 'false'> {
  readonly emotion: Emotion;
  /** Faces with this label, found or not; small ones only if found. */
  labelled: number;
  missed: number;
  /** The emotions that the wrong ones were read as, the most frequent first. */
  readonly readAs: readonly { readonly emotion: Emotion; readonly count: number }[];
}

/** The totals of a report. */
export interface Totals extends Counts {
  /** Boxes in labelled photos: right + wrong + false. */
  readonly detections: number;
  /** Labelled faces that no box shows. */
  missed: number;
  /** Labelled faces that no box shows and that are too small to count as missed. */
  small: number;
  /** How many of the right ones are right only by an emotion that the label allows besides its own. */
  rightByAlso: number;
  /** The same verdicts on the detections that were not called 'unsure'. */
  readonly sure: Counts;
  /** Boxes in photos without labels. */
  unlabelled: number;
  /** One row for each emotion that a label has, in label order. */
  readonly emotions: readonly EmotionRow[];
}

export function totalsOf(faces: readonly JudgedFace[]): Totals {
  const counts = { right: 0, wrong: 0, false: 0, missed: 0, small: 0, unlabelled: 0 };
  const sure: Counts = { right: 0, wrong: 0, false: 0 };
  let rightByAlso = 0;
  for (const face of faces) {
    counts[face.verdict]++;
    if (face.verdict === 'right' && face.label.emotion !== likeliestEmotion(face.reading.scores)) rightByAlso++;
    if (face.verdict === 'right' || face.verdict === 'wrong' || face.verdict === 'false')
      if (face.reading.emotion !== 'unsure') sure[face.verdict]++;
  }
  const detections = counts.right + counts.wrong + counts.false;
  const emotions = EMOTIONS.map((emotion) => rowOf(emotion, faces)).filter(({ labelled }) => labelled > 0);
  return { ...counts, detections, rightByAlso, sure, emotions };
}

function rowOf(emotion: Emotion, faces: readonly JudgedFace[]): EmotionRow {
  const row = { emotion, labelled: 0, right: 0, wrong: 0, missed: 0 };
  const readAs = new Map<Emotion, number>();
  for (const face of faces) {
    if (!('label' in face) || face.verdict === 'small' || face.label.emotion !== emotion) continue;
    row.labelled++;
    row[face.verdict]++;
    if (face.verdict !== 'wrong') continue;
    const read = likeliestEmotion(face.reading.scores);
    readAs.set(read, (readAs.get(read) ?? 0) + 1);
  }
  const frequent = [...readAs].sort((a, b) => b[1] - a[1]);
  return { ...row, readAs: frequent.map(([read, count]) => ({ emotion: read, count })) };
}
