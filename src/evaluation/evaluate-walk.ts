import { UserError } from '../base/errors.ts';
import { exactPercent } from '../base/numbers.ts';
import { shuffledOrder } from '../base/random.ts';
import type { Classifier } from '../emotion/classifier.ts';
import { createFaceDetector } from '../photo/faces/create-detector.ts';
import type { DetectorChoice } from '../photo/faces/detector.ts';
import { type FaceSet, faceAt, withoutBlack } from '../training/data/face-set.ts';
import { planWalk, type WalkFigures, type WalkShare, walkFigures, walkScenes } from './walk.ts';

/** What the walk came to, and what was asked. */
export interface WalkAnswer extends WalkFigures {
  readonly detector: DetectorChoice;
  readonly seed: number;
}

/** What `npm run evaluate -- --walk` is asked. */
export interface WalkPlan {
  /** Faces to paste into scenes. */
  readonly images: number;
  /** Decides which faces, where and on what. */
  readonly seed: number;
  readonly detector: DetectorChoice;
}

/**
 * Has the bot find and read faces of a set in larger pictures, and compares with reading them directly.
 * @param onScene is told after each scene how many are done, and of how many
 * @throws UserError no-data where the set has no face; the signal's reason when it was aborted
 */
export async function evaluateWalk(
  { images, seed, detector: choice }: WalkPlan,
  set: FaceSet,
  classifier: Classifier,
  signal: AbortSignal,
  onScene?: (done: number, of: number) => void,
): Promise<WalkAnswer> {
  const usable = withoutBlack(set);
  if (usable.count === 0) throw new UserError('no-data', 'There is no face to paste into a picture.');
  const rows = [...shuffledOrder(usable.count, seed, 0)].slice(0, images);
  const faces = planWalk(rows.map((row) => ({ crop: faceAt(usable, row), label: usable.labels[row]! })));
  const detector = createFaceDetector({ detector: choice });
  try {
    const walk = await walkScenes(faces, { detector, classifier }, seed, { signal, ...(onScene && { onScene }) });
    return { detector: choice, seed, ...walkFigures(walk) };
  } finally {
    await detector.close();
  }
}

/** The answer as a table: a line for all, for each size and for each tilt. */
export function walkTable(answer: WalkAnswer): string {
  const cells = (texts: readonly (string | number)[]) => texts.map((text) => String(text).padStart(9)).join('');
  const row = (name: string | number, { images, found, direct, walked }: WalkShare) =>
    cells([
      name,
      images,
      found,
      exactPercent(found / images),
      exactPercent(direct),
      exactPercent(walked),
      points(walked - direct),
    ]);
  const heads = ['faces', 'found', 'share', 'direct', 'walked', 'points'];
  const { images, scenes, detector, seed, false: wrong, error } = answer;
  return [
    `${images} faces pasted into ${scenes} pictures (seed ${seed}), found by ${detector}, ${wrong} boxes without a face`,
    'direct: accuracy on the faces that were found, read as they are; walked: as the bot found and read them',
    cells(['', ...heads]),
    row('all', answer),
    `standard error of the difference: ${(100 * error).toFixed(1)} points`,
    '',
    cells(['pixels', ...heads]),
    ...answer.bySize.map((share) => row(share.size, share)),
    '',
    cells(['tilt', ...heads]),
    ...answer.byTilt.map((share) => row(share.tilt, share)),
  ].join('\n');
}

/** 0.0123 as "+1.2". */
function points(difference: number): string {
  const text = (100 * difference).toFixed(1);
  return difference > 0 ? `+${text}` : text;
}
