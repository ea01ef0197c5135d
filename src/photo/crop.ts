import { FACE_PIXELS, FACE_SIZE } from '../emotion/labels.ts';
import { centreOf, cosAndSin, type LeaningBox } from './faces/box.ts';
import type { GrayImage } from './image.ts';

/**
 * Side of the crop as a multiple of the face box's. Faces of PublicTest, pasted into larger pictures and found again, are read best
 * from 1.04 to 1.12, and faces in real photos from 0.95 to 1.04: docs/walk.md has the figures.
 */
export const CROP_MARGIN = 1.04;

/** Most samples a side that one pixel of a crop averages: a face of 1152 pixels is averaged whole, a larger one is thinned. */
const MOST_SAMPLES = 24;

/**
 * The face as the network saw faces in training: FACE_SIZE x FACE_SIZE gray bytes, the head upright, filling the frame from
 * forehead to chin. Beyond the picture's edge its border pixels are repeated, since a black bar is nothing that a face has.
 *
 * Each pixel is the mean of a grid of bilinear samples over the area that it covers, so shrinking does not alias.
 * @param image gray picture, upright
 * @param face box in pixels of that picture
 * @returns 48 * 48 bytes, row by row
 */
export function cropFace(image: GrayImage, face: LeaningBox): Uint8Array {
  const { cos, sin } = cosAndSin(face.angle);
  const side = Math.max(face.width, face.height) * CROP_MARGIN;
  const step = side / FACE_SIZE;
  const samples = Math.min(MOST_SAMPLES, Math.max(1, Math.ceil(step)));
  // One pixel of the crop to the right, and one down, in the picture.
  const right = { x: step * cos, y: step * sin };
  const down = { x: -right.y, y: right.x };
  const centre = centreOf(face);
  const crop = new Uint8Array(FACE_PIXELS);
  for (let row = 0; row < FACE_SIZE; row++) {
    for (let column = 0; column < FACE_SIZE; column++) {
      let sum = 0;
      for (let j = 0; j < samples; j++) {
        const v = row + (j + 0.5) / samples - FACE_SIZE / 2;
        for (let i = 0; i < samples; i++) {
          const u = column + (i + 0.5) / samples - FACE_SIZE / 2;
          sum += sample(image, centre.x + u * right.x + v * down.x, centre.y + u * right.y + v * down.y);
        }
      }
      crop[row * FACE_SIZE + column] = Math.round(sum / (samples * samples));
    }
  }
  return crop;
}

/** Bilinear value at a point whose pixel centres lie at half numbers; beyond the edge the border repeats. */
function sample({ data, width, height }: GrayImage, x: number, y: number): number {
  const left = Math.floor(x - 0.5);
  const top = Math.floor(y - 0.5);
  const fx = x - 0.5 - left;
  const fy = y - 0.5 - top;
  const x0 = clamp(left, width - 1);
  const x1 = clamp(left + 1, width - 1);
  const y0 = clamp(top, height - 1) * width;
  const y1 = clamp(top + 1, height - 1) * width;
  const upper = data[y0 + x0]! * (1 - fx) + data[y0 + x1]! * fx;
  const lower = data[y1 + x0]! * (1 - fx) + data[y1 + x1]! * fx;
  return upper * (1 - fy) + lower * fy;
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(value, most));
}
