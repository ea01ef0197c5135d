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

/** A face and how it was read. Emotions are indexes into EMOTIONS: the likeliest ones, unsure or not. */
interface WalkedFace {
  readonly face: WalkFace;
  /** The network's reading of the face's own 48 x 48 pixels. */
  readonly direct: number;
  /** The bot's reading of it in the scene; undefined where it found no face there. */
  readonly walked: number | undefined;
}

/** The result of reading scenes. */
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
  /** Called after each scene with the number of scenes done, and of all. */
  readonly onScene?: (done: number, of: number) => void;
}

/** Longest time for one scene, in milliseconds. It is long, since nobody waits for an answer. */
const MOST_MILLISECONDS = 600_000;

/**
 * Pastes faces into scenes and reads these as the bot reads any photo; also reads the faces with the network directly.
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

/** Figures of a group of faces. */
interface WalkShare {
  readonly images: number;
  readonly found: number;
  /** Accuracy, 0..1, on the faces that were found: read directly, and as the bot read them; 0 where none was found. */
  readonly direct: number;
  readonly walked: number;
}

/** Figures of a whole walk. */
interface WalkFigures extends WalkShare {
  readonly scenes: number;
  /** Boxes that show none of the faces. */
  readonly false: number;
  /** Standard error of walked - direct. Both are of the same faces, so only faces that exactly one of them read right count. */
  readonly error: number;
  /** By side in pixels, the smallest first. */
  readonly bySize: readonly (WalkShare & { readonly size: number })[];
  /** By degrees of tilt, the most counter-clockwise first. */
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

/** Figures of a walk, with its options. */
export interface WalkAnswer extends WalkFigures {
  readonly detector: DetectorChoice;
  readonly seed: number;
}

/** Options of `npm run evaluate -- --walk`. */
interface WalkPlan {
  /** Faces to paste into scenes. */
  readonly images: number;
  /** Decides which faces, where and on what. */
  readonly seed: number;
  readonly detector: DetectorChoice;
}

/**
 * Finds and reads faces of a set in larger pictures as the bot does, and compares that with reading them directly.
 * @param onScene called after each scene with the number of scenes done, and of all
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

/** The answer as a table: a line for all faces, for each size and for each tilt. */
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
