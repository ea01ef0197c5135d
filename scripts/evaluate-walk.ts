import { UserError } from '../src/base/errors.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { shuffledOrder } from '../src/base/random.ts';
import type { Classifier } from '../src/emotion/classifier.ts';
import { planWalk, type WalkFigures, type WalkShare, walkFigures, walkScenes } from '../src/evaluation/walk.ts';
import { createFaceDetector } from '../src/photo/faces/create-detector.ts';
import { DETECTORS, type DetectorChoice } from '../src/photo/faces/detector.ts';
import { type FaceSet, faceAt, withoutBlack } from '../src/training/data/face-set.ts';

/** What `npm run evaluate -- --walk` is asked. */
export interface WalkQuestion {
  /** Faces to paste into scenes; DEFAULT_IMAGES unless told. */
  readonly images?: string | undefined;
  /** Decides which faces, where and on what; DEFAULT_SEED unless told. */
  readonly seed?: string | undefined;
  /** A detector; the bot's default unless told. */
  readonly detector?: string | undefined;
}

export const DEFAULT_IMAGES = 600;
export const DEFAULT_SEED = 1;

/** What the walk came to, and what was asked. */
export interface WalkAnswer extends WalkFigures {
  readonly detector: DetectorChoice;
  readonly seed: number;
}

/** A question whose every part can be answered. */
interface WalkPlan {
  readonly images: number;
  readonly seed: number;
  readonly detector: DetectorChoice;
}

/** @throws UserError bad-usage where a part of the question is none */
export function planOf(question: WalkQuestion): WalkPlan {
  const whole = (name: string, text: string | undefined, otherwise: number, least: number) => {
    const value = text === undefined ? otherwise : Number(text);
    if (!Number.isInteger(value) || value < least || value >= 2 ** 32)
      throw new UserError('bad-usage', `--${name} is a whole number from ${least} on.`);
    return value;
  };
  const detector = DETECTORS.find((known) => known === (question.detector ?? DETECTORS[0]));
  if (!detector) throw new UserError('bad-usage', `--detector is one of ${DETECTORS.join(', ')}.`);
  return {
    images: whole('images', question.images, DEFAULT_IMAGES, 1),
    seed: whole('seed', question.seed, DEFAULT_SEED, 0),
    detector,
  };
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
