import { AsyncResource } from 'node:async_hooks';
import { codeOf, tooLarge, UserError } from '../base/errors.ts';
import { endIdleThreads } from '../base/workers.ts';
import {
  DECODE_ALONE_BYTES,
  DECODE_BYTES,
  type Decoded,
  type DecodedPixels,
  DecoderDied,
  decodeApart,
} from './decoder/decoder.ts';
import type { RgbImage } from './image.ts';
import { lacksScans, withClearEnd } from './jpeg.ts';
import { type PictureFormat, pictureFormat } from './picture-format.ts';
import { aloneWithPixels, takePixels } from './shared-pixels.ts';
import { hasOddSamples, largestBlock } from './tiff.ts';

/** What one photo may cost. Beyond a limit the walk ends with a UserError, so that the process neither hangs nor dies. */
export interface PhotoLimits {
  /** Largest file, in bytes. */
  readonly maxBytes: number;
  /** Most pixels (width * height of one frame) that are decoded. */
  readonly maxPixels: number;
  /** Longest time for the whole walk, in milliseconds. */
  readonly maxMilliseconds: number;
  /** Longest time for reading an animation frame by frame, in milliseconds. The answer is about the frames read by then. */
  readonly movingMilliseconds: number;
  /** After this many milliseconds of decoding, a photo makes way for another one that waits to be decoded. */
  readonly patienceMilliseconds: number;
}

/**
 * - 32 MiB holds a 12-megapixel PNG and any JPEG that a phone makes.
 * - 8192 * 8192 pixels (67 MP) let 50- and 64-megapixel phone photos in and keep the decoded picture below 200 MB.
 * - 4 s are what a large HEIC takes on two busy cores. Somebody else's photo can wait that long and still be answered within 10 s.
 * - 10 s of reading frames leave 20 s for decoding and drawing them, and for reading a single frame where too few were read in time.
 * - 30 s is several times what a large photo takes on two busy cores; a person waits no longer than that anyway.
 */
export const DEFAULT_LIMITS: PhotoLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxPixels: 8192 * 8192,
  maxMilliseconds: 30_000,
  movingMilliseconds: 10_000,
  patienceMilliseconds: 4_000,
};

/** Which frame of an animation was decoded, from 1, and how many there are. */
export interface Frame {
  readonly number: number;
  readonly of: number;
}

/** A photo as a person sees it: upright, in sRGB; of an animation, the first frame that shows something. */
export interface DecodedPhoto {
  /** Width of the upright photo, in pixels. */
  readonly width: number;
  /** Height of the upright photo, in pixels. */
  readonly height: number;
  /** The photo, shrunk to WORKING_SIDE where it is larger; in shared memory, since several threads look at it. */
  readonly image: RgbImage;
  /** Absent where the file is no animation. */
  readonly frame?: Frame;
  /** Frames of an animation, where they were wanted. */
  readonly animation?: DecodedAnimation;
}

/** Frames of an animation, spread over it. */
export interface DecodedAnimation {
  /** All of one size, in shared memory. */
  readonly frames: readonly RgbImage[];
  /** How long each is shown, in milliseconds, so that all together last as long as the file does. */
  readonly milliseconds: readonly number[];
  /** How many frames the file has. */
  readonly of: number;
  /** How often it is played; 0 for ever. */
  readonly loop: number;
}

/** Which frames of an animation the caller wants, besides the first frame that shows something. */
export interface FramesWanted {
  /** Most frames. */
  readonly most: number;
  /** Longest side, in pixels. */
  readonly maxSide: number;
}

/**
 * Longest side of the picture that all steps work on, in pixels. Faces of 48 pixels and the annotated picture need no more.
 * It keeps a photo in memory below 13 MB.
 */
export const WORKING_SIDE = 2048;

/**
 * Turns a picture file into pixels: EXIF orientation applied, transparency laid on white, colours in sRGB. A process of its own does it.
 * That process is ended when it takes too long or the signal is aborted; the promise settles once it has ended.
 * @param frames which frames of an animated GIF, WebP or AVIF to decode; where they would take too long, there is a single frame only
 * @throws UserError too-large, empty-file, not-a-picture, unsupported-picture, cut-picture, too-many-pixels, too-slow; the signal's reason
 */
export async function decodePhoto(
  bytes: Uint8Array,
  limits: PhotoLimits,
  signal?: AbortSignal,
  frames?: FramesWanted,
): Promise<DecodedPhoto> {
  if (bytes.length > limits.maxBytes) throw tooLarge(limits.maxBytes);
  const format = await pictureFormat(bytes);
  if (format === 'jpeg' && lacksScans(bytes)) throw cutPicture();
  if (format === 'tiff' && hasOddSamples(bytes)) throw unsupported();
  const wanted = format === 'gif' || format === 'webp' || isSequence(bytes) ? frames : undefined;
  const { parts, padding, hasSurplus } = forDecoder(bytes, format);
  const task = {
    format,
    bytes: parts.reduce((sum, part) => sum + part.length, 0),
    padding,
    hasSurplus,
    maxPixels: limits.maxPixels,
    maxSide: WORKING_SIDE,
    maxBytes: DECODE_BYTES,
    blockBytes: format === 'tiff' ? largestBlock(bytes) : 0,
    ...(wanted && { frames: wanted }),
  };
  const time = AbortSignal.timeout(limits.maxMilliseconds);
  const either = signal ? AbortSignal.any([signal, time]) : time;
  try {
    // All walks share the decoder's process. Without the binding, log lines about its pixels would carry no request's id.
    const memory = AsyncResource.bind(takePixels);
    const options = { signal: either, patience: limits.patienceMilliseconds, tooSlow, memory };
    let decoded = await decodeApart(parts, task, options);
    if (wantsMore(decoded)) {
      const alone = AsyncResource.bind(makeRoom);
      decoded = await decodeApart(parts, { ...task, maxBytes: DECODE_ALONE_BYTES }, { ...options, alone });
    }
    return photoOf(decoded, limits, task.blockBytes > 0);
  } catch (error) {
    signal?.throwIfAborted();
    if (time.aborted) throw tooSlow(error);
    // Decoding many frames took too much memory, or took longer than other waiting photos allow.
    if (wanted && (error instanceof DecoderDied || codeOf(error) === 'too-slow'))
      return await decodePhoto(bytes, limits, signal);
    if (error instanceof DecoderDied) throw tooCostly(error);
    throw error;
  }
}

/** Waits until no other walk is under way, and frees the memory that is kept for later walks. @throws the signal's reason */
async function makeRoom(signal: AbortSignal): Promise<void> {
  await aloneWithPixels(signal);
  await endIdleThreads();
}

/** Whether a picture needs more memory than usual, but no more than it may have while no other picture is read. */
function wantsMore(decoded: Decoded): boolean {
  if (decoded.kind === 'too-costly') return decoded.bytes <= DECODE_ALONE_BYTES;
  // For a WebP, memory for all pixels is allocated before its header is reported.
  return decoded.kind === 'failed' && OUT_OF_MEMORY.test(decoded.message);
}

/** Whether a file says that it is an animated AVIF, by the brands in its first box (AVIF 1.1, 6.3). */
function isSequence(bytes: Uint8Array): boolean {
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MOST_BRANDS));
  return (
    first.toString('latin1', 4, 8) === 'ftyp' && first.toString('latin1', 8, first.readUInt32BE()).includes('avis')
  );
}

/** Bytes of the first box that are looked at: it is shorter in any file. */
const MOST_BRANDS = 256;

/** An animated AVIF renamed to the brand that libvips knows: its main picture is the first frame. @returns consecutive parts of the file */
function asAvif(bytes: Uint8Array): Uint8Array[] {
  // The major brand, after the length and the name of the first box (ISO/IEC 14496-12, 4.3).
  return [bytes.subarray(0, 8), Buffer.from('avif'), bytes.subarray(12)];
}

/** The file as the decoder needs it: see `withClearEnd`. */
function forDecoder(bytes: Uint8Array, format: PictureFormat): ReturnType<typeof withClearEnd> {
  if (format === 'jpeg') return withClearEnd(bytes);
  return { parts: format === 'avif' ? asAvif(bytes) : [bytes], padding: 0, hasSurplus: false };
}

/** @param isLegible whether the file's own header was read and describes a picture */
function photoOf(decoded: Decoded, { maxPixels }: PhotoLimits, isLegible: boolean): DecodedPhoto {
  switch (decoded.kind) {
    case 'decoded': {
      const { size, image, frame, frames } = decoded satisfies DecodedPixels;
      return { ...size, image, ...(frame && { frame }), ...(frames && { animation: animationOf(decoded) }) };
    }
    case 'too-many-pixels':
      throw tooManyPixels(decoded.width, decoded.height, maxPixels);
    case 'too-costly':
      throw tooCostly();
    case 'failed':
      throw whyFailed(new Error(decoded.message), isLegible);
  }
}

function animationOf({ image: { width, height }, pixels, frames }: DecodedPixels): DecodedAnimation {
  const { numbers, milliseconds, of, loop } = frames!;
  const bytes = width * height * 3;
  const images = numbers.map((_, k) => ({ width, height, data: pixels.subarray(k * bytes, (k + 1) * bytes) }));
  return { frames: images, milliseconds, of, loop };
}

function tooManyPixels(width: number, height: number, maxPixels: number): UserError {
  const size = `${width} x ${height} pixels`;
  const most = `${Math.floor(maxPixels / 1e6)} megapixels`;
  return new UserError(
    'too-many-pixels',
    `This picture has ${size}; at most ${most} can be read. Please try a smaller copy.`,
  );
}

function tooCostly(cause?: unknown): UserError {
  return new UserError(
    'too-many-pixels',
    'This picture would take more memory than I have for one. Please try a smaller copy, or a plain JPEG.',
    { cause },
  );
}

/** Says in words for people why the decoder gave up: a limit, or damage. The decoder's own message is kept as the cause. */
function whyFailed(cause: Error, isLegible: boolean): UserError {
  const { message } = cause;
  if (OUT_OF_MEMORY.test(message) || /security limit/i.test(message)) return tooCostly(cause);
  if (/pixel limit/i.test(message)) {
    return new UserError('too-many-pixels', 'This picture has too many pixels. Please try a smaller copy.', { cause });
  }
  if (LACKING.test(message) || (isLegible && /unsupported image format/i.test(message))) {
    return unsupported(cause);
  }
  return cutPicture(cause);
}

function unsupported(cause?: unknown): UserError {
  const sentence = 'This picture is of a kind that cannot be read here. Please try it as a JPEG, PNG or WebP.';
  return new UserError('unsupported-picture', sentence, { cause });
}

function cutPicture(cause?: unknown): UserError {
  const sentence = 'This picture is damaged or incomplete. Please try the original, or save it again first.';
  return new UserError('cut-picture', sentence, { cause });
}

const OUT_OF_MEMORY = /out of memory|allocation|memory limit|creating thread/i;

/** Messages of libtiff, libheif, libjpeg and libvips about a sound file of a kind that they cannot decode. */
const LACKING = new RegExp(
  [
    'not configured',
    'not implemented',
    'not supported',
    'bad labq format',
    'unsupported (tiff|feature|codec|bits|jpeg)',
    'omitted at compile time',
    'no known route',
    'not a whole number of bytes',
    'samples out of range',
    'not at least 3 samples',
    "doesn't support",
    'only supports',
    'inappropriate photometric',
    'not SGI',
  ].join('|'),
  'i',
);

/** The error of the decoder's time limit and of the whole walk's: a person need not know which one it was. */
export function tooSlow(cause?: unknown): UserError {
  return new UserError('too-slow', 'Reading this picture took too long. Try again, or try a smaller copy.', { cause });
}
