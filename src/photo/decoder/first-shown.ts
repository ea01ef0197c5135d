import sharp, { type Metadata } from 'sharp';
import { spreadOf } from '../../base/numbers.ts';
import { MOST_PIXELS } from './frames.ts';

/** A frame shows something if its grays, 0..255, have at least this standard deviation: that of a photo at a sixth of its brightness. */
const LEAST_DEVIATION = 8;

/** Whether a gray picture shows something: it is not all of nearly one gray, such as black or white. */
export function showsSomething(gray: Uint8Array): boolean {
  return spreadOf(gray).deviation >= LEAST_DEVIATION;
}

/** Most frames that are looked at, and most of their pixels that are decoded at once. */
const MOST_FRAMES = 300;
const FRAME_PIXELS = 4_000_000;

/** The first frame of an animation that shows something, from 0; 0 where none does. */
export async function firstThatShows(file: Buffer, { width, height }: Metadata, frames: number): Promise<number> {
  const most = Math.min(frames, MOST_FRAMES);
  // A frame builds on those before it. One at a time, they would all be decoded again for each, so runs get longer and longer.
  const longest = Math.max(1, Math.floor(FRAME_PIXELS / (width * height)));
  let decoded = 0;
  for (let first = 0, run = 1; first < most; first += run, run = Math.min(longest, 2 * run)) {
    const pages = Math.min(run, most - first);
    decoded += (first + pages) * width * height;
    if (decoded > MOST_PIXELS) return 0;
    const gray = await sharp(file, { page: first, pages, limitInputPixels: false })
      .flatten({ background: 'white' })
      .toColourspace('b-w')
      .raw({ depth: 'uchar' })
      .toBuffer();
    const pixels = gray.length / pages;
    for (let k = 0; k < pages; k++) {
      if (showsSomething(gray.subarray(k * pixels, (k + 1) * pixels))) return first + k;
    }
  }
  return 0;
}
