import sharp, { type Metadata } from 'sharp';
import { scaledSize } from '../faces/box.ts';

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
  const starts = startsOf(lasts);
  const end = starts.at(-1)! + lasts.at(-1)!;
  const milliseconds = wanted.map((frame, k) => {
    const from = k === 0 ? 0 : starts[frame]!;
    return (k + 1 < wanted.length ? starts[wanted[k + 1]!]! : end) - from;
  });
  return { ...size, pixels, numbers: wanted.map((frame) => frame + 1), of: pages, milliseconds, loop };
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
