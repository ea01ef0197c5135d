import { clamp } from '../base/numbers.ts';
import { FACE_PIXELS, FACE_SIZE } from '../emotion/labels.ts';
import { centreOf, cosAndSin, type LeaningBox } from './faces/box.ts';
import { addSample, type Edge, type GrayImage } from './image.ts';

/**
 * Side of the crop as a multiple of the face box's. Faces of PublicTest, pasted into larger pictures and found again, are read best
 * from 1.04 to 1.12, and faces in real photos from 0.95 to 1.04: docs/walk.md has the figures.
 */
export const CROP_MARGIN = 1.04;

/** Most samples a side that one pixel of a crop averages: a face of 1152 pixels is averaged whole, a larger one is thinned. */
const MOST_SAMPLES = 24;

/**
 * The face as the network saw faces in training: FACE_SIZE x FACE_SIZE gray bytes, the head upright, filling the frame from
 * forehead to chin. Beyond the picture's edge its border pixels are repeated: no face has a black bar.
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
  const samples = clamp(Math.ceil(step), 1, MOST_SAMPLES);
  // One pixel of the crop to the right, and one down, in the picture.
  const right = { x: step * cos, y: step * sin };
  const down = { x: -right.y, y: right.x };
  const centre = centreOf(face);
  const edges = { column: repeated(image.width), row: repeated(image.height) };
  const sums = new Float64Array(FACE_PIXELS);
  for (let row = 0; row < FACE_SIZE; row++) {
    for (let column = 0; column < FACE_SIZE; column++) {
      for (let j = 0; j < samples; j++) {
        const v = row + (j + 0.5) / samples - FACE_SIZE / 2;
        for (let i = 0; i < samples; i++) {
          const u = column + (i + 0.5) / samples - FACE_SIZE / 2;
          // Pixel centres lie at half numbers.
          const x = centre.x + u * right.x + v * down.x - 0.5;
          const y = centre.y + u * right.y + v * down.y - 0.5;
          addSample(sums, row * FACE_SIZE + column, 0, image, 1, x, y, edges);
        }
      }
    }
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / (samples * samples)));
}

/** Beyond the edge the border repeats. */
function repeated(length: number): Edge {
  return (place) => clamp(place, 0, length - 1);
}

/** A face as the emotion network takes it. */
export interface FaceCrop {
  /** 48 * 48 bytes, row by row. */
  readonly pixels: Uint8Array;
  /** Whether mouth or eyes are covered, so that there is no expression to read. */
  readonly covered: boolean;
}
