import { UserError } from '../base/errors.ts';
import { exactPercent, points } from '../base/numbers.ts';
import { shuffledOrder } from '../base/random.ts';
import type { Classifier } from '../emotion/classifier.ts';
import { createFaceDetector } from '../photo/faces/create-detector.ts';
import type { DetectorChoice, FaceDetector } from '../photo/faces/detector.ts';
import { readPhoto } from '../photo/read-photo.ts';
import { type FaceSet, faceAt, withoutBlack } from '../training/data/face-set.ts';
import { likeliestOf } from './evaluate.ts';
import { matchBoxes } from './known-photos.ts';
import { drawScene, layOut, type SceneFace } from './scene.ts';

/** Sides that faces are pasted at, in pixels, and degrees that they are turned by; each size meets each tilt equally often. */
export const WALK_SIZES = [64, 96, 128, 192, 256] as const;
export const WALK_TILTS = [-30, -20, -10, 0, 10, 20, 30] as const;

/** A face with its label, as it goes into a scene. */
export interface WalkFace extends SceneFace {
  /** Index into EMOTIONS. */
  readonly label: number;
}

/** What became of a face. Emotions are indexes into EMOTIONS: the likeliest ones, unsure or not. */
interface WalkedFace {
  readonly face: WalkFace;
  /** What the network sees in the face's own 48 x 48 pixels. */
  readonly direct: number;
  /** What the bot saw in it in the scene; undefined where it found no face there. */
  readonly walked: number | undefined;
}

/** What a walk through scenes came to. */
export interface Walk {
  readonly faces: readonly WalkedFace[];
  readonly scenes: number;
  /** Boxes that show none of the pasted faces. */
  readonly false: number;
}

/** Gives each face its size and tilt, in turn. */
export function planWalk(faces: readonly Pick<WalkFace, 'crop' | 'label'>[]): WalkFace[] {
  return faces.map(({ crop, label }, k) => ({
    crop,
    label,
    size: WALK_SIZES[k % WALK_SIZES.length]!,
    tilt: WALK_TILTS[Math.floor(k / WALK_SIZES.length) % WALK_TILTS.length]!,
  }));
}

interface WalkOptions {
  readonly signal?: AbortSignal;
  /** Is told after each scene how many are done, and of how many. */
  readonly onScene?: (done: number, of: number) => void;
}

/** Longest time for one scene: this measures, nobody waits for an answer. */
const MOST_MILLISECONDS = 600_000;

/**
 * Pastes faces into scenes, has the bot read these as it reads any photo, and has the network read the faces directly.
 * @param seed whole number; the same faces and seed give the same scenes
 * @throws the signal's reason when it was aborted
 */
export async function walkScenes(
  faces: readonly WalkFace[],
  tools: { readonly detector: FaceDetector; readonly classifier: Classifier },
  seed: number,
  { signal, onScene }: WalkOptions = {},
): Promise<Walk> {
  const scenes = layOut(faces, seed);
  const walked: WalkedFace[] = [];
  let wrong = 0;
  for (const [number, scene] of scenes.entries()) {
    signal?.throwIfAborted();
    const jpeg = await drawScene(scene, seed, number);
    const reading = await readPhoto(
      jpeg,
      { ...tools, limits: { maxMilliseconds: MOST_MILLISECONDS } },
      { annotate: false, ...(signal && { signal }) },
    );
    const direct = await tools.classifier.classify(scene.map(({ face }) => face.crop));
    const boxes = reading.faces.map(({ box }) => box);
    const matches = matchBoxes(
      boxes,
      scene.map(({ box }) => box),
    );
    scene.forEach(({ face }, k) => {
      const match = matches[k];
      const seen = match === undefined ? undefined : likeliestOf(reading.faces[match]!);
      walked.push({ face, direct: likeliestOf(direct[k]!), walked: seen });
    });
    wrong += boxes.length - matches.filter((match) => match !== undefined).length;
    onScene?.(number + 1, scenes.length);
  }
  return { faces: walked, scenes: scenes.length, false: wrong };
}

/** How faces fared. */
interface WalkShare {
  readonly images: number;
  readonly found: number;
  /** Accuracy, 0..1, on the faces that were found: read directly, and as the bot read them; 0 where none was found. */
  readonly direct: number;
  readonly walked: number;
}

/** What a walk came to in figures. */
interface WalkFigures extends WalkShare {
  readonly scenes: number;
  /** Boxes that show none of the faces. */
  readonly false: number;
  /** Standard error of walked - direct: both are of the same faces, so only those that one alone got right count. */
  readonly error: number;
  /** By side in pixels, the smallest first. */
  readonly bySize: readonly (WalkShare & { readonly size: number })[];
  /** By degrees of tilt, from the most counter-clockwise on. */
  readonly byTilt: readonly (WalkShare & { readonly tilt: number })[];
}

export function walkFigures({ faces, scenes, false: wrong }: Walk): WalkFigures {
  const groups = <Key extends 'size' | 'tilt'>(key: Key) => {
    const values = [...new Set(faces.map(({ face }) => face[key]))].sort((a, b) => a - b);
    return values.map((value) => ({ value, share: shareOf(faces.filter(({ face }) => face[key] === value)) }));
  };
  return {
    ...shareOf(faces),
    scenes,
    false: wrong,
    error: errorOf(faces),
    bySize: groups('size').map(({ value, share }) => ({ size: value, ...share })),
    byTilt: groups('tilt').map(({ value, share }) => ({ tilt: value, ...share })),
  };
}

const isFound = ({ walked }: WalkedFace) => walked !== undefined;

function shareOf(faces: readonly WalkedFace[]): WalkShare {
  const found = faces.filter(isFound);
  const right = (of: 'direct' | 'walked') => found.filter((each) => each[of] === each.face.label).length;
  return {
    images: faces.length,
    found: found.length,
    direct: right('direct') / Math.max(1, found.length),
    walked: right('walked') / Math.max(1, found.length),
  };
}

/** Standard error of the mean of (walked right) - (directly right), each -1, 0 or 1. */
function errorOf(faces: readonly WalkedFace[]): number {
  const found = faces.filter(isFound);
  const differences = found.map(
    ({ face, direct, walked }) => Number(walked === face.label) - Number(direct === face.label),
  );
  const n = differences.length;
  if (n < 2) return 0;
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (n - 1) / n);
}

/** What the walk came to, and what was asked. */
export interface WalkAnswer extends WalkFigures {
  readonly detector: DetectorChoice;
  readonly seed: number;
}

/** What `npm run evaluate -- --walk` is asked. */
interface WalkPlan {
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
