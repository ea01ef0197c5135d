import { EMOTIONS, type Emotion } from '../../emotion/labels.ts';
import { type JudgedFace, likeliestOf } from './judge-photo.ts';

/** Verdicts on detections; they add up to the number of detections in labelled photos. */
export interface Counts {
  right: number;
  wrong: number;
  false: number;
}

/** What became of the faces with one label. */
export interface EmotionRow extends Omit<Counts, 'false'> {
  readonly emotion: Emotion;
  /** Faces with this label, found or not; small ones only if found. */
  labelled: number;
  missed: number;
  /** What the wrong ones were read as, the most frequent first. */
  readonly readAs: readonly { readonly emotion: Emotion; readonly count: number }[];
}

/** What a whole report comes to. */
export interface Totals extends Counts {
  /** Boxes in labelled photos: right + wrong + false. */
  readonly detections: number;
  /** Labelled faces that no box shows. */
  missed: number;
  /** Labelled faces that no box shows and that are too small to ask for. */
  small: number;
  /** Of the right ones, those that are right only by an emotion that the label allows besides its own. */
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
    if (face.verdict === 'right' && face.label.emotion !== likeliestOf(face.reading)) rightByAlso++;
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
    const read = likeliestOf(face.reading);
    readAs.set(read, (readAs.get(read) ?? 0) + 1);
  }
  const frequent = [...readAs].sort((a, b) => b[1] - a[1]);
  return { ...row, readAs: frequent.map(([read, count]) => ({ emotion: read, count })) };
}
