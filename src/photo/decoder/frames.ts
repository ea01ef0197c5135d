import sharp, { type Metadata } from 'sharp';
import { scaledSize } from '../faces/box.ts';
import type { PictureSequence } from './picture-sequence.ts';

/** Frames of an animation, spread over it. */
export interface DecodedFrames {
  /** Size of each, in pixels. */
  readonly width: number;
  readonly height: number;
  /** width * height * 3 bytes a frame, one frame after the other. */
  readonly pixels: Uint8Array;
  /** Which frames of the file they are, from 1. */
  readonly numbers: readonly number[];
  /** How many frames the file has. */
  readonly of: number;
  /** How long each is shown, in milliseconds, so that all of them together last as long as the file does. */
  readonly milliseconds: readonly number[];
  /** How often it is played; 0 for ever. */
  readonly loop: number;
}

/** Bytes of frames that are decoded at once. */
const RUN_BYTES = 45_000_000;
/** Most pixels that are decoded in all: about three seconds. A frame builds on those before it, so each run decodes all before it again. */
export const MOST_PIXELS = 400_000_000;
/** Programs that show animations ignore a delay of 10 ms or less, and show such frames for 100 ms. */
const IGNORED_MS = 10;
const USUAL_MS = 100;

/**
 * Decodes frames of a GIF or WebP on a white background, shrunk so that no side is longer than `maxSide`.
 * @param most most frames that are decoded
 * @returns undefined where decoding would take too long
 */
export async function decodeFrames(
  file: Buffer,
  { width, height, pages = 1, delay = [], loop = 0 }: Metadata,
  { most, maxSide, maxPixels }: { readonly most: number; readonly maxSide: number; readonly maxPixels: number },
): Promise<DecodedFrames | undefined> {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const size = scaledSize({ width, height }, scale);
  const bytes = size.width * size.height * 3;
  const run = Math.max(1, Math.floor(RUN_BYTES / bytes));
  const runs = Math.ceil(pages / run);
  if (((runs + 1) / 2) * pages * width * height > MOST_PIXELS) return undefined;
  const lasts = Array.from({ length: pages }, (_, k) => ((delay[k] ?? 0) <= IGNORED_MS ? USUAL_MS : delay[k]!));
  const wanted = spread(lasts, most);
  const pixels = Buffer.allocUnsafeSlow(wanted.length * bytes);
  for (let first = 0; first < pages; first += run) {
    const inRun = wanted.filter((frame) => frame >= first && frame < first + run);
    if (inRun.length === 0) continue;
    const page = inRun[0]!;
    const frames = await sharp(file, { page, pages: inRun.at(-1)! - page + 1, limitInputPixels: maxPixels * run })
      .resize(size.width, size.height, { fit: 'fill' })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
    for (const frame of inRun) {
      frames.copy(pixels, wanted.indexOf(frame) * bytes, (frame - page) * bytes, (frame - page + 1) * bytes);
    }
  }
  const numbers = wanted.map((frame) => frame + 1);
  return { ...size, pixels, numbers, of: pages, milliseconds: timesOf(wanted, lasts), loop };
}

/** About how long decoding the frames of an animated AVIF may take, in milliseconds; it is given up after twice that. */
const SEQUENCE_MS = 3000;
/** The frame that shows how long others take, as far from the first as that can be found out quickly. */
const PROBE = 8;
/** Bytes a pixel that a frame of an AVIF takes to decode, with the eight frames that its decoder keeps. */
const FRAME_BYTES = 20 + 8 * 3;

/**
 * Decodes frames of an animated AVIF on a white background, shrunk so that no side is longer than `maxSide`.
 * @param options.most most frames that are decoded; fewer where they would take longer than `within` milliseconds
 * @param options.maxBytes most bytes of memory that decoding may take
 * @returns undefined where two frames cannot be decoded within these limits
 * @throws Error the decoder's own, where a frame is damaged
 */
export async function decodeSequence(
  sequence: PictureSequence,
  { width, height }: { readonly width: number; readonly height: number },
  options: { readonly most: number; readonly maxSide: number; readonly maxBytes: number; readonly within?: number },
): Promise<DecodedFrames | undefined> {
  const { most, maxSide, maxBytes, within = SEQUENCE_MS } = options;
  const { of, milliseconds: lasts, loop, decodable } = sequence;
  const size = scaledSize({ width, height }, Math.min(1, maxSide / Math.max(width, height)));
  const bytes = size.width * size.height * 3;
  if (FRAME_BYTES * width * height + most * bytes > maxBytes) return undefined;
  const started = performance.now();
  const passed = () => performance.now() - started;
  const decode = (frame: number) => frameOf(sequence, frame, size, width * height);
  const framesFor = (frame: number) => decodable[frame]?.frames ?? Number.POSITIVE_INFINITY;
  const probe = Math.min(PROBE, of - 1);
  // The first one loads the decoder, so the second one shows how long others take: a frame is decoded with all that it builds on.
  const decoded = new Map([[0, await decode(0)]]);
  const before = passed();
  decoded.set(probe, await decode(probe));
  const time = passed() - before;
  const frames = affordable(lasts, most, (frame) => time * Math.max(1, framesFor(frame) / framesFor(probe)), within);
  if (frames.length < 2) return undefined;
  const pixels = Buffer.allocUnsafeSlow(frames.length * bytes);
  for (const [k, frame] of frames.entries()) {
    if (passed() > 2 * within) return undefined;
    pixels.set(decoded.get(frame) ?? (await decode(frame)), k * bytes);
    decoded.delete(frame);
  }
  const numbers = frames.map((frame) => frame + 1);
  return { ...size, pixels, numbers, of, milliseconds: timesOf(frames, lasts), loop };
}

/** As many frames at even intervals of time as take no longer than `within`. */
function affordable(
  lasts: readonly number[],
  most: number,
  timeFor: (frame: number) => number,
  within: number,
): number[] {
  for (let count = most; count > 1; count--) {
    const frames = spread(lasts, count);
    if (frames.reduce((sum, frame) => sum + timeFor(frame), 0) <= within) return frames;
  }
  return [];
}

/** The pixels of a frame of an animated AVIF, as large as `size`. */
async function frameOf(
  sequence: PictureSequence,
  frame: number,
  { width, height }: { readonly width: number; readonly height: number },
  maxPixels: number,
): Promise<Buffer> {
  const shrunk = (file: Buffer | undefined) =>
    sharp(file, { failOn: 'truncated', limitInputPixels: maxPixels }).resize(width, height, { fit: 'fill' });
  const colours = await shrunk(sequence.still(frame)).toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer();
  const alpha = sequence.alpha?.(frame);
  if (alpha === undefined) return colours;
  const opacity = await shrunk(alpha).toColourspace('b-w').raw({ depth: 'uchar' }).toBuffer();
  for (const [at, colour] of colours.entries()) {
    colours[at] = 255 + Math.round(((colour - 255) * opacity[Math.floor(at / 3)]!) / 255);
  }
  return colours;
}

/** How long each of some frames is shown where the others are left out: until the next one, the first from the beginning. */
function timesOf(frames: readonly number[], lasts: readonly number[]): number[] {
  const starts = startsOf(lasts);
  const end = starts.at(-1)! + lasts.at(-1)!;
  return frames.map((frame, k) => {
    const from = k === 0 ? 0 : starts[frame]!;
    return (k + 1 < frames.length ? starts[frames[k + 1]!]! : end) - from;
  });
}

/** Picks frames at even intervals of time; all where there are no more than `most`. @param lasts how long each is shown @returns from 0 */
export function spread(lasts: readonly number[], most: number): number[] {
  if (lasts.length <= most) return lasts.map((_, frame) => frame);
  const starts = startsOf(lasts);
  const all = starts.at(-1)! + lasts.at(-1)!;
  const shown = Array.from({ length: most }, (_, k) => {
    const time = ((k + 0.5) * all) / most;
    return starts.findLastIndex((start) => start <= time);
  });
  return [...new Set(shown)];
}

function startsOf(lasts: readonly number[]): number[] {
  let time = 0;
  return lasts.map((last) => {
    time += last;
    return time - last;
  });
}
