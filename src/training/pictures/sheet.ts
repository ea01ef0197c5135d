import sharp, { type OverlayOptions } from 'sharp';
import { FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { sameFace } from '../data/duplicates.ts';
import { type FaceSet, faceAt } from '../data/face-set.ts';

/** Each pixel of a crop is this many pixels wide and high on a sheet. */
const ZOOM = 2;
/** Side of a face on a sheet, in pixels. */
export const SIDE = FACE_SIZE * ZOOM;
/** Around a sheet, in pixels. */
export const MARGIN = 34;

/**
 * A white sheet with lettering and pictures on it.
 * @param lettering SVG elements in pixels of the sheet
 * @returns a PNG
 */
export async function drawSheet(
  { width, height }: { readonly width: number; readonly height: number },
  lettering: readonly string[],
  pictures: readonly OverlayOptions[],
): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${lettering.join('')}</svg>`;
  return await sharp({ create: { width, height, channels: 3, background: 'white' } })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }, ...pictures])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Crop `index` of a set as a PNG of SIDE x SIDE pixels, its pixels squares. */
export async function enlargedFace(set: FaceSet, index: number): Promise<Buffer> {
  // A copy, since sharp does not accept views of shared memory.
  const pixels = Buffer.alloc(FACE_PIXELS);
  pixels.set(faceAt(set, index));
  return await sharp(pixels, { raw: { width: FACE_SIZE, height: FACE_SIZE, channels: 1 } })
    .resize({ width: SIDE, kernel: 'nearest' })
    .png()
    .toBuffer();
}

/** The first `count` different pictures among some crops of a set: FER2013 has many pictures twice. */
export function firstDifferent(set: FaceSet, indexes: Iterable<number>, count: number): number[] {
  const chosen: number[] = [];
  for (const index of indexes) {
    if (chosen.length === count) break;
    if (!chosen.some((other) => sameFace(faceAt(set, other), faceAt(set, index)))) chosen.push(index);
  }
  return chosen;
}
