import sharp from 'sharp';
import { FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { type FaceSet, faceAt } from '../data/face-set.ts';

/** Crop `index` as a PNG in which each of its pixels is a square of `zoom` x `zoom`. */
export async function enlargedFace(set: FaceSet, index: number, zoom: number): Promise<Buffer> {
  // A copy: sharp takes no view of shared memory.
  const pixels = Buffer.alloc(FACE_PIXELS);
  pixels.set(faceAt(set, index));
  return sharp(pixels, { raw: { width: FACE_SIZE, height: FACE_SIZE, channels: 1 } })
    .resize({ width: FACE_SIZE * zoom, kernel: 'nearest' })
    .png()
    .toBuffer();
}
