import { inSharedMemory, type RgbImage } from '../image.ts';
import { resizePicture } from '../picture-thread.ts';
import { scaledSize } from './box.ts';

/**
 * Faces are searched in a copy of the picture that fits into this size. The time of a pass is proportional to the area, and
 * all thresholds were chosen at this size.
 */
const SEARCH_SIZE = { width: 1280, height: 960 };
/** Smaller pictures are enlarged towards that size, by this factor at most: faces in thumbnails are small. */
const MOST_ENLARGED = 2;

/** Scale of the searched picture: its width divided by the given picture's. */
export function searchScale(width: number, height: number): number {
  return Math.min(SEARCH_SIZE.width / width, SEARCH_SIZE.height / height, MOST_ENLARGED);
}

/** The copy of the picture that is searched for faces; in shared memory, since several threads read it. */
export async function toSearchPicture(image: RgbImage): Promise<RgbImage> {
  return await resized(image, searchScale(image.width, image.height));
}

/**
 * Small faces are searched in a copy of about this many pixels. It shows a face of 40 pixels in a photo of 2048 x 1536 large enough
 * for the network, and its tiles take about as long as all other work on a photo.
 */
const CLOSE_PIXELS = 7e6;

/** Scale of that copy: its width divided by the given picture's. */
export function closeScale(width: number, height: number): number {
  return Math.min(MOST_ENLARGED, Math.sqrt(CLOSE_PIXELS / (width * height)));
}

/** The copy of the picture that is searched for small faces in tiles: larger than the copy that is searched as a whole. */
export async function toClosePicture(image: RgbImage): Promise<RgbImage> {
  return await resized(image, closeScale(image.width, image.height));
}

async function resized(image: RgbImage, scale: number): Promise<RgbImage> {
  if (scale === 1) return inSharedMemory(image);
  return await resizePicture(image, scaledSize(image, scale));
}
