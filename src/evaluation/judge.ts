import { overlap, type Rectangle } from '../photo/faces/box.ts';
import type { KnownFace } from './known-photos.ts';

/** How a detector did. */
export interface Judgement {
  /** Known faces that count and were found. */
  readonly found: readonly KnownFace[];
  /** Known faces that count and were not. */
  readonly missed: readonly KnownFace[];
  /** Boxes that are no face. */
  readonly false: readonly Rectangle[];
}

/** A box shows a face where they overlap (intersection over union) by more than this, or where its centre lies in the face and they are alike in size. */
const FOUND_OVERLAP = 0.3;
/** Alike in size: neither is this many times as wide as the other. */
const ALIKE = 2;
/** A box is false where it overlaps no face by more than this, and its centre lies in none. */
const FALSE_OVERLAP = 0.2;

function centreIn(box: Rectangle, face: Rectangle): boolean {
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  return x >= face.x && x <= face.x + face.width && y >= face.y && y <= face.y + face.height;
}

/** Whether a box shows a face, as FOUND_OVERLAP and ALIKE say. */
export function shows(box: Rectangle, face: Rectangle): boolean {
  if (overlap(box, face).union > FOUND_OVERLAP) return true;
  return centreIn(box, face) && box.width < ALIKE * face.width && face.width < ALIKE * box.width;
}

/** Whether a box shows a known face ('face'), nobody ('false'), or a part of a face or of its surroundings (undefined). */
export function labelOf(box: Rectangle, faces: readonly Rectangle[]): 'face' | 'false' | undefined {
  if (faces.some((face) => shows(box, face))) return 'face';
  const touches = faces.some((face) => overlap(box, face).union > FALSE_OVERLAP || centreIn(box, face));
  return touches ? undefined : 'false';
}

/** Compares what was found in a photo with what is there. Each box finds one face at most. */
export function judge(boxes: readonly Rectangle[], faces: readonly KnownFace[]): Judgement {
  const unused = new Set(boxes);
  const found: KnownFace[] = [];
  const missed: KnownFace[] = [];
  for (const face of faces.filter(({ counts }) => counts)) {
    const box = [...unused].find((candidate) => shows(candidate, face));
    if (box) unused.delete(box);
    (box ? found : missed).push(face);
  }
  return { found, missed, false: [...unused].filter((box) => labelOf(box, faces) === 'false') };
}

/** What several photos' judgements come to. */
export interface Tally {
  found: number;
  missed: number;
  false: number;
}

export function tally(judgements: readonly Judgement[]): Tally {
  const sum = { found: 0, missed: 0, false: 0 };
  for (const judgement of judgements) {
    sum.found += judgement.found.length;
    sum.missed += judgement.missed.length;
    sum.false += judgement.false.length;
  }
  return sum;
}
