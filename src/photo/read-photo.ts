import { withDeadline } from '../base/aborts.ts';
import { clamp } from '../base/numbers.ts';
import { timed } from '../base/observing.ts';
import type { Classifier, Reading, Unreadable } from '../emotion/classifier.ts';
import { DEFAULT_LIMITS, decodePhoto, type Frame, type PhotoLimits, tooSlow } from './decode.ts';
import type { FaceBox, Point, Rectangle, Size } from './faces/box.ts';
import type { FaceDetector } from './faces/detector.ts';
import type { AnnotatedPicture } from './picture/annotate.ts';
import { cropFaces, drawPicture } from './picture-thread.ts';
import { inReadingOrder } from './reading-order.ts';
import { reusingPixels } from './shared-pixels.ts';

/** A face in the photo and what it shows. */
export interface FaceReading extends Reading {
  /** In whole pixels of the upright photo, within its edges. */
  readonly box: Rectangle;
}

/** All that was seen in a photo. */
export interface PhotoReading {
  /** Width of the upright photo, in pixels. */
  readonly width: number;
  /** Height of the upright photo, in pixels. */
  readonly height: number;
  /** In the order of their numbers: the first is person 1. Row by row from the top, each from left to right. */
  readonly faces: readonly FaceReading[];
  /** Whether there may be more people in it than were read: more than MOST_FACES, or many faces too small to find them all. */
  readonly more: boolean;
  /** The photo with a numbered box around each face; absent when it was not asked for. */
  readonly picture?: AnnotatedPicture;
  /** Which frame of an animation was read; absent where the file is none. */
  readonly frame?: Frame;
  /** Time that the walk took. */
  readonly milliseconds: number;
}

/** What the walk works with; all of it is shared by many photos. */
export interface PhotoTools {
  readonly detector: FaceDetector;
  readonly classifier: Classifier;
  readonly limits?: Partial<PhotoLimits>;
}

interface ReadPhotoOptions {
  /** Whether to draw the annotated picture; true by default. */
  readonly annotate?: boolean;
  /** Calls the walk off. */
  readonly signal?: AbortSignal;
  /** The file's bytes are not looked at any more; called once, whatever became of them. */
  readonly onDecoded?: () => void;
  /**
   * Gets a promise that resolves when the walk has ended. A walk that is called off or too slow is over for the caller at once, but a
   * network under way cannot be stopped: whoever bounds how many walks there are waits for this.
   */
  readonly onStart?: (ended: Promise<void>) => void;
}

/**
 * The walk: bytes -> decode -> find faces -> crop -> classify -> annotate.
 * @param bytes a picture file: JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC; of animations the first frame that shows something is read
 * @throws UserError with a sentence for the person who posted the file: empty-file, not-a-picture, unsupported-picture,
 *   cut-picture, too-large, too-many-pixels, too-slow; the signal's reason when it was aborted
 */
export async function readPhoto(
  bytes: Uint8Array,
  tools: PhotoTools,
  options: ReadPhotoOptions = {},
): Promise<PhotoReading> {
  const started = performance.now();
  const limits = { ...DEFAULT_LIMITS, ...tools.limits };
  const { signal: outer, onStart } = options;
  const deadline = { milliseconds: limits.maxMilliseconds, tooLate: tooSlow, signal: outer, onStart };
  const reading = await withDeadline(deadline, (signal) =>
    reusingPixels(() => walk(bytes, tools, limits, options, signal)),
  );
  return { ...reading, milliseconds: Math.round(performance.now() - started) };
}

/** Longest time for a picture that nobody waits for, on a machine that is busy. */
const WARM_UP_MS = 600_000;

/**
 * Reads a picture of nothing as if there were a face in it. What the first photo would wait for is there afterwards: threads, networks,
 * the decoder, the font.
 */
export async function warmUp({ detector, classifier }: PhotoTools): Promise<void> {
  const seesOne: FaceDetector = {
    ...detector,
    detect: async (image) => {
      await detector.detect(image);
      return [{ x: 16, y: 8, width: 32, height: 32, angle: 0, score: 1 }];
    },
  };
  const limits = { maxMilliseconds: WARM_UP_MS };
  await readPhoto(Buffer.from(NOTHING, 'base64'), { detector: seesOne, classifier, limits });
}

/** A JPEG of 64 x 48 gray pixels. */
const NOTHING =
  '/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wAALCAAwAEABAREA/8QAFAABAAAA' +
  'AAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AAAAAAAAAAAAAAAAA/9k=';

async function walk(
  bytes: Uint8Array,
  { detector, classifier }: PhotoTools,
  limits: PhotoLimits,
  { annotate: withPicture = true, onDecoded }: ReadPhotoOptions,
  signal: AbortSignal,
): Promise<Omit<PhotoReading, 'milliseconds'>> {
  const { width, height, image, frame } = await timed('decode', () => decodePhoto(bytes, limits, signal)).finally(
    onDecoded,
  );
  signal.throwIfAborted();
  const detected = await timed('detect', () => detector.detect(image, { signal }));
  const found = inReadingOrder(surest(detected, MOST_FACES));
  const more = mayBeMore(detected);
  const crops = await timed('crop', () => cropFaces(image, found));
  signal.throwIfAborted();
  const readings = await timed('classify', () => classifier.classify(crops.map(({ pixels }) => pixels)));
  signal.throwIfAborted();
  const scale = { x: width / image.width, y: height / image.height };
  const faces = found.map((face, k) => ({
    box: toPhotoPixels(face, scale, { width, height }),
    ...asFarAsSeen(readings[k]!, isSmall(face) ? 'small' : crops[k]!.covered ? 'covered' : undefined),
  }));
  const seen = { width, height, faces, more, ...(frame && { frame }) };
  if (!withPicture) return seen;
  return { ...seen, picture: await timed('draw', () => drawPicture(image, { width, height }, faces)) };
}

/**
 * A face that is narrower than this, in pixels of the picture that is worked on, is not read. Faces shrunk to a width and enlarged again
 * were read right in 70 % of pictures from the wild at 48 pixels, 68 at 32, 66 at 28, 63 at 24, 58 at 20 and 50 at 16: docs/faces.md.
 */
const LEAST_READABLE = 32;

/** Most faces of a photo that are read, the surest ones. */
const MOST_FACES = 200;

/** Where there are this many faces and this part of them is too small to be read, others are likely to be too small to be found. */
const MANY = 10;
const MANY_SMALL = 0.1;

function isSmall({ width, height }: FaceBox): boolean {
  return Math.max(width, height) < LEAST_READABLE;
}

function mayBeMore(faces: readonly FaceBox[]): boolean {
  if (faces.length > MOST_FACES) return true;
  return faces.length >= MANY && faces.filter(isSmall).length >= MANY_SMALL * faces.length;
}

function surest(faces: readonly FaceBox[], most: number): readonly FaceBox[] {
  return faces.length <= most ? faces : [...faces].sort((a, b) => b.score - a.score).slice(0, most);
}

/** A face that cannot be read is 'unsure', and says why; what the network made of it stays in its scores. */
function asFarAsSeen(reading: Reading, unreadable: Unreadable | undefined): Reading {
  return unreadable ? { ...reading, emotion: 'unsure', unreadable } : reading;
}

/** A detector's box in whole pixels of the upright photo, cut at its edges, at least one pixel wide and high. */
function toPhotoPixels(face: FaceBox, scale: Point, photo: Size): Rectangle {
  const clip = (value: number, most: number) => clamp(Math.round(value), 0, most);
  const x = clip(face.x * scale.x, photo.width - 1);
  const y = clip(face.y * scale.y, photo.height - 1);
  return {
    x,
    y,
    width: Math.max(1, clip((face.x + face.width) * scale.x, photo.width) - x),
    height: Math.max(1, clip((face.y + face.height) * scale.y, photo.height) - y),
  };
}
