import { UserError } from '../../base/errors.ts';
import { type Emotion, likeliestEmotion } from '../../emotion/labels.ts';
import type { Rectangle } from '../../photo/faces/box.ts';
import { searchScale } from '../../photo/faces/search-picture.ts';
import type { FaceReading } from '../../photo/read-photo.ts';
import { LEAST_WIDTH } from '../known-photos.ts';
import type { LabelledFace, PhotoLabels } from './labels-file.ts';
import { pairFaces } from './pair-faces.ts';

/** A face that was read; `number` is the one in the annotated picture. */
interface Detected {
  readonly number: number;
  readonly reading: FaceReading;
}

/** What came of one face, box in pixels of the upright photo. */
export type JudgedFace =
  /** Found; right where its likeliest emotion is the label's or one that the label allows. */
  | (Detected & { readonly verdict: 'right' | 'wrong'; readonly label: LabelledFace })
  /** A box that shows no labelled face, or one that a better box shows already. */
  | (Detected & { readonly verdict: 'false' })
  /** A labelled face without a box; 'small' where it is too small to ask for. */
  | { readonly verdict: 'missed' | 'small'; readonly label: LabelledFace }
  /** Read in a photo without labels. */
  | (Detected & { readonly verdict: 'unlabelled' });

export type Verdict = JudgedFace['verdict'];

/** Most that the shape of the labels' picture may differ from the photo's, as a part of it: sizes are whole pixels. */
const SHAPE_TOLERANCE = 0.01;

/**
 * Compares what was read in a photo with what is there.
 * @param photo its size in pixels, upright, and its faces in the order of their numbers
 * @param labels absent where nobody labelled it
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
  const pairs = pairFaces(
    photo.faces.map(({ box }) => box),
    known,
  );
  const found = detected.map((face, k): JudgedFace => {
    const label = pairs[k] === undefined ? undefined : known[pairs[k]]!;
    if (!label) return { ...face, verdict: 'false' };
    return { ...face, verdict: accepts(label, likeliestOf(face.reading)) ? 'right' : 'wrong', label };
  });
  const scale = searchScale(photo.width, photo.height);
  const rest = known.filter((_, k) => !pairs.includes(k));
  const notFound = rest.map((label): JudgedFace => {
    return { verdict: label.width * scale < LEAST_WIDTH ? 'small' : 'missed', label };
  });
  return [...found, ...notFound];
}

/** The emotion that a reading counts as: its likeliest, 'unsure' or not. */
export function likeliestOf(reading: FaceReading): Emotion {
  return likeliestEmotion(reading.scores);
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
