import { overlap, type Rectangle } from '../../photo/faces/box.ts';
import { labelOf } from '../judge.ts';

/**
 * Which labelled face each box shows, by the rule that the detectors are measured with (labelOf). A face is shown by one box and
 * a box shows one face: those that overlap most come together.
 * @param boxes and faces in pixels of the same picture
 * @returns for each box the index of its face, undefined where it shows none or another box shows that face better
 */
export function pairFaces(boxes: readonly Rectangle[], faces: readonly Rectangle[]): (number | undefined)[] {
  const candidates = boxes.flatMap((box, b) =>
    faces.flatMap((face, f) => (labelOf(box, [face]) === 'face' ? [{ b, f, union: overlap(box, face).union }] : [])),
  );
  candidates.sort((one, other) => other.union - one.union);
  const pairs = new Array<number | undefined>(boxes.length).fill(undefined);
  const taken = new Set<number>();
  for (const { b, f } of candidates) {
    if (pairs[b] !== undefined || taken.has(f)) continue;
    pairs[b] = f;
    taken.add(f);
  }
  return pairs;
}
