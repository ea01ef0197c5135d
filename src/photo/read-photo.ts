import { withDeadline } from '../base/aborts.ts';
import { clamp } from '../base/numbers.ts';
import { timeStep } from '../base/observing.ts';
import type { Classifier } from '../emotion/classifier.ts';
import {
  DEFAULT_LIMITS,
  type DecodedPhoto,
  decodePhoto,
  type Frame,
  type FramesWanted,
  type PhotoLimits,
  tooSlow,
} from './decode.ts';
import type { Point, Rectangle, Size } from './faces/box.ts';
import type { FaceDetector } from './faces/detector.ts';
import { FRAME_SIDE, MOST_FRAMES, type MovingReading, readMoving } from './moving/read-moving.ts';
import type { AnnotatedPicture } from './picture/annotate.ts';
import type { MovingFormat } from './picture/annotate-moving.ts';
import type { FramesRead, PersonReading } from './picture/describe.ts';
import { drawMoving, drawPicture } from './picture-thread.ts';
import { readFaces } from './read-faces.ts';
import { reusingPixels } from './shared-pixels.ts';

/** A face in the photo and what it shows. */
export interface FaceReading extends PersonReading {
  /** In whole pixels of the upright photo, within its edges. */
  readonly box: Rectangle;
}

/** What was found in a photo. */
export interface PhotoReading {
  /** Width of the upright photo, in pixels. */
  readonly width: number;
  /** Height of the upright photo, in pixels. */
  readonly height: number;
  /** In the order of their numbers: the first is person 1. Row by row from the top, each from left to right. */
  readonly faces: readonly FaceReading[];
  /** Whether there may be more people in it than were read: more than MOST_FACES, or so many small faces that some were probably missed. */
  readonly more: boolean;
  /** The photo with a numbered box around each face; absent when it was not asked for. */
  readonly picture?: AnnotatedPicture;
  /** The upright photo, or a frame of the animation, in the size of `picture` and without marks. Absent when it was not asked for. */
  readonly copy?: AnnotatedPicture;
  /** Which frame of an animation was read. Absent where the file is no animation, or where several frames were read (`frames`). */
  readonly frame?: Frame;
  /** Of an animation whose people were followed: how many frames were read, and how many there are. */
  readonly frames?: FramesRead;
  /** Time that the walk took. */
  readonly milliseconds: number;
}

/** What the walk works with. Many photos share it. */
export interface PhotoTools {
  readonly detector: FaceDetector;
  readonly classifier: Classifier;
  readonly limits?: Partial<PhotoLimits>;
}

interface ReadPhotoOptions {
  /** Whether to draw the annotated picture; true by default. */
  readonly annotate?: boolean;
  /** Format of an animation's annotated picture; its people are then followed. Where absent, one frame of an animation is read. */
  readonly moving?: MovingFormat;
  /** Whether to make a copy without marks as well; false by default. */
  readonly copy?: boolean;
  /** Calls the walk off. */
  readonly signal?: AbortSignal;
  /** Called once, when the file's bytes are no longer needed, whether or not they could be decoded. */
  readonly onDecoded?: () => void;
  /**
   * Called with a promise that resolves when the walk has really ended. For the caller, a walk that is aborted or too slow is over at once,
   * but a network under way cannot be stopped. A caller that limits the number of walks waits for this promise.
   */
  readonly onStart?: (ended: Promise<void>) => void;
}

/**
 * The walk: bytes -> decode -> find faces -> crop -> classify -> annotate.
 * @param bytes a picture file: JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC; of animations the first frame that shows something
 *   is read, or frames spread over it
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
 * Reads a blank picture as if there were a face in it. So the threads, the networks, the decoder and the font are loaded before the
 * first photo comes.
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
  tools: PhotoTools,
  limits: PhotoLimits,
  { annotate: withPicture = true, moving: format, copy: withCopy = false, onDecoded }: ReadPhotoOptions,
  signal: AbortSignal,
): Promise<Omit<PhotoReading, 'milliseconds'>> {
  const decode = (frames?: FramesWanted) => timeStep('decode', () => decodePhoto(bytes, limits, signal, frames));
  let decoded: DecodedPhoto;
  let moving: MovingReading | undefined;
  try {
    decoded = await decode(format && { most: MOST_FRAMES, maxSide: FRAME_SIDE });
    if (decoded.animation) {
      signal.throwIfAborted();
      moving = await readMoving(decoded.animation, tools, limits.movingMilliseconds, signal);
      if (moving === undefined) decoded = await decode();
    }
  } finally {
    onDecoded?.();
  }
  const reading = moving
    ? await answerMoving(decoded, moving, withPicture ? format : undefined)
    : await readStill(decoded, tools, withPicture, signal);
  if (!withCopy) return reading;
  const { width, height, image } = decoded;
  return { ...reading, copy: await drawPicture(image, { width, height }, []) };
}

async function readStill(
  { width, height, image, frame }: DecodedPhoto,
  tools: PhotoTools,
  withPicture: boolean,
  signal: AbortSignal,
): Promise<Omit<PhotoReading, 'milliseconds'>> {
  signal.throwIfAborted();
  const { faces: found, more } = await readFaces(image, tools, signal);
  const photo = { width, height };
  const scale = { x: width / image.width, y: height / image.height };
  const faces = found.map(({ box, ...reading }) => ({ box: toPhotoPixels(box, scale, photo), ...reading }));
  const seen = { ...photo, faces, more, ...(frame && { frame }) };
  if (!withPicture) return seen;
  return { ...seen, picture: await timeStep('draw', () => drawPicture(image, photo, faces)) };
}

/** @param format of the annotated picture; where undefined none is drawn */
async function answerMoving(
  { width, height, image }: DecodedPhoto,
  { people, more, animation }: MovingReading,
  format: MovingFormat | undefined,
): Promise<Omit<PhotoReading, 'milliseconds'>> {
  const photo = { width, height };
  const scale = { x: width / image.width, y: height / image.height };
  const faces = people.map(({ box, sightings: _, ...reading }) => ({
    box: toPhotoPixels(box, scale, photo),
    ...reading,
  }));
  const frames = { read: animation.frames.length, of: animation.of };
  const seen = { ...photo, faces, more, frames };
  if (format === undefined) return seen;
  // Without people there is nothing to mark from frame to frame: one still picture is enough.
  const draw = () => (people.length > 0 ? drawMoving(animation, people, format) : drawPicture(image, photo, []));
  return { ...seen, picture: await timeStep('draw', draw) };
}

/** A detector's box in whole pixels of the upright photo, cut at its edges, at least one pixel wide and high. */
function toPhotoPixels(face: Rectangle, scale: Point, photo: Size): Rectangle {
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
