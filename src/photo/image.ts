import { clamp } from '../base/numbers.ts';
import type { Rectangle, Size } from './faces/box.ts';

/** An upright colour picture in memory: 3 bytes a pixel (red, green, blue; sRGB), row by row from the top left. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** width * height * 3 bytes. */
  readonly data: Uint8Array;
}

/** An upright gray picture in memory: 1 byte a pixel (0 black .. 255 white), row by row from the top left. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  /** width * height bytes. */
  readonly data: Uint8Array;
}

/**
 * The same picture in shared memory, so that a message to a thread carries it without copying it. A picture that is there already is
 * returned as it is. Nobody writes to it.
 */
export function inSharedMemory(image: RgbImage): RgbImage {
  if (image.data.buffer instanceof SharedArrayBuffer) return image;
  const data = new Uint8Array(new SharedArrayBuffer(image.data.length));
  data.set(image.data);
  return { ...image, data };
}

/**
 * The gray picture that cascades and the emotion network look at.
 * Weights are luma of ITU-R BT.601 on the stored (gamma-encoded) values, as OpenCV and most tools that made the
 * training data's gray pictures do; scaled by 2^16 so that integers are enough.
 * @param part whole pixels within the picture; all of it by default
 */
export function toGray(
  image: RgbImage,
  part: Rectangle = { x: 0, y: 0, width: image.width, height: image.height },
): GrayImage {
  const { data } = image;
  const { width, height } = part;
  const gray = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    let k = 3 * ((part.y + row) * image.width + part.x);
    for (let i = row * width; i < (row + 1) * width; i++, k += 3) {
      gray[i] = (data[k]! * 19595 + data[k + 1]! * 38470 + data[k + 2]! * 7471 + 32768) >> 16;
    }
  }
  return { width, height, data: gray };
}

/**
 * A bilinear sample of one plane of numbers, row by row; beyond its edge the border repeats.
 * @param x whole numbers are the centres of columns
 * @param y likewise of rows
 */
export function sampleAt(plane: Uint8Array | Float32Array, { width, height }: Size, x: number, y: number): number {
  const column = clamp(x, 0, width - 1);
  const row = clamp(y, 0, height - 1);
  const left = Math.floor(column);
  const top = Math.floor(row);
  const toRight = column - left;
  const at = top * width + left;
  const right = left < width - 1 ? 1 : 0;
  const below = at + (top < height - 1 ? width : 0);
  const upper = plane[at]! + toRight * (plane[at + right]! - plane[at]!);
  const lower = plane[below]! + toRight * (plane[below + right]! - plane[below]!);
  return upper + (row - top) * (lower - upper);
}
