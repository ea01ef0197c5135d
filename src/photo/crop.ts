import { clamp } from '../base/numbers.ts';
import { FACE_PIXELS, FACE_SIZE } from '../emotion/labels.ts';
import { centreOf, cosAndSin, type LeaningBox, type Point, type Size } from './faces/box.ts';
import type { Flaw } from './flaw.ts';
import { type GrayImage, type RgbImage, sampleAt, toGray } from './image.ts';

/**
 * Side of the crop as a multiple of the face box's side; and how far the crop's centre lies below the box's centre (along the
 * face), as a share of that side. Faces in 597 real pictures are read best with these values: docs/walk.md has the figures.
 */
const CROP_MARGIN = 1.12;
const CROP_DOWN = 0.02;

/** Most samples, each way, that one pixel of a crop averages. Of faces up to 1152 pixels wide all pixels count; of wider ones, some. */
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
  const { centre, side } = cropSquare(face);
  const step = side / FACE_SIZE;
  const samples = clamp(Math.ceil(step), 1, MOST_SAMPLES);
  // One sample to the right, and one down, in the picture. It is `wayBack` with the step multiplied in beforehand. A large face has a
  // million samples: to make a point for each takes a fifth more time (measured), and rounds differently from the published figures' crops.
  const right = { x: (step * cos) / samples, y: (step * sin) / samples };
  const half = (FACE_SIZE * samples - 1) / 2;
  const sums = new Float64Array(FACE_PIXELS);
  for (let v = 0; v < FACE_SIZE * samples; v++) {
    // Pixel centres lie at half numbers.
    const startX = centre.x - (v - half) * right.y - 0.5;
    const startY = centre.y + (v - half) * right.x - 0.5;
    const row = Math.floor(v / samples) * FACE_SIZE;
    for (let u = 0; u < FACE_SIZE * samples; u++) {
      const sample = sampleAt(image.data, image, startX + (u - half) * right.x, startY + (u - half) * right.y);
      sums[row + Math.floor(u / samples)]! += sample;
    }
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / (samples * samples)));
}

/** The square that a face's crop shows, leaning as the face does. */
export function cropSquare(face: LeaningBox): { readonly centre: Point; readonly side: number } {
  const { x, y } = centreOf(face);
  const { cos, sin } = cosAndSin(face.angle);
  const side = Math.max(face.width, face.height);
  const down = side * CROP_DOWN;
  return { centre: { x: x - sin * down, y: y + cos * down }, side: side * CROP_MARGIN };
}

/** The part of a face's crop (0..1) that lies beyond the picture's edge; the lean is ignored. */
export function partBeyond(face: LeaningBox, { width, height }: Size): number {
  const { centre, side } = cropSquare(face);
  const within = (at: number, length: number) => clamp(at + side / 2, 0, length) - clamp(at - side / 2, 0, length);
  return 1 - (within(centre.x, width) * within(centre.y, height)) / side ** 2;
}

/** `cropFace` of a photo in colour. Only the part that the face needs is made gray. @param face box in pixels of the photo */
export function cropFromPhoto(photo: RgbImage, face: LeaningBox): Uint8Array {
  const { centre, side } = cropSquare(face);
  // The crop lies in this circle however it leans. The 2 are for its outermost samples, which lie between two pixels.
  const reach = side / Math.SQRT2 + 2;
  const from = (place: number, length: number) => clamp(Math.floor(place - reach), 0, length - 1);
  const to = (place: number, length: number) => clamp(Math.ceil(place + reach), 1, length);
  const x = from(centre.x, photo.width);
  const y = from(centre.y, photo.height);
  const width = to(centre.x, photo.width) - x;
  const height = to(centre.y, photo.height) - y;
  return cropFace(toGray(photo, { x, y, width, height }), { ...face, x: face.x - x, y: face.y - y });
}

/** A face as the emotion network takes it. */
export interface FaceCrop {
  /** 48 * 48 bytes, row by row. */
  readonly pixels: Uint8Array;
  /** Why there is no expression to read; absent where there may be one. */
  readonly flaw?: Flaw | undefined;
}
