import { inSharedMemory, type RgbImage } from '../image.ts';
import { resizePicture } from '../picture-thread.ts';
import { scaledSize } from './box.ts';

/**
 * Faces are looked for in a picture that fits into this size. A pass takes time in proportion to the area, and all
 * thresholds were chosen at this size.
 */
const SEARCH_SIZE = { width: 1280, height: 960 };
/** Smaller pictures are enlarged towards that size, but no more than this: faces in thumbnails are small. */
const MOST_ENLARGED = 2;

/** How much larger (or smaller) the searched picture is than the given one. */
export function searchScale(width: number, height: number): number {
  return Math.min(SEARCH_SIZE.width / width, SEARCH_SIZE.height / height, MOST_ENLARGED);
}

/** The picture at the size at which faces are sought; in shared memory, since several threads look at it. */
export async function toSearchPicture(image: RgbImage): Promise<RgbImage> {
  return await resized(image, searchScale(image.width, image.height));
}

/**
 * Small faces are sought on a picture of about this many pixels: a face of 40 pixels in a photo of 2048 x 1536 is large enough for the
 * network in it, and its tiles take about as long as all else that is done with a photo.
 */
const CLOSE_PIXELS = 7e6;

/** How much larger (or smaller) that picture is than the given one. */
export function closeScale(width: number, height: number): number {
  return Math.min(MOST_ENLARGED, Math.sqrt(CLOSE_PIXELS / (width * height)));
}

/** The picture at the size at which small faces are sought in tiles: larger than the one that is searched as a whole. */
export async function toClosePicture(image: RgbImage): Promise<RgbImage> {
  return await resized(image, closeScale(image.width, image.height));
}

async function resized(image: RgbImage, scale: number): Promise<RgbImage> {
  if (scale === 1) return inSharedMemory(image);
  return await resizePicture(image, scaledSize(image, scale));
}
