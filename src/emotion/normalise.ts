import { FACE_PIXELS } from './labels.ts';

/**
 * Added to the standard deviation of a crop (whose pixels are 0..1) before dividing by it: keeps the noise of a nearly
 * flat crop from being blown up to full contrast. Networks are trained with it, so it is part of their format.
 */
const DEVIATION_FLOOR = 0.05;

/**
 * A gray crop as a network takes it: (x - mean) / (std + 0.05) with x in 0..1 and the population's standard deviation,
 * both over the crop itself. Training and reading a photo both use this.
 * @param crop 2304 gray bytes, row by row
 * @param out receives 2304 numbers from `offset` on: 48 x 48 x 1, so channels first and channels last are the same
 */
export function normalise(crop: Uint8Array, out: Float32Array, offset: number): void {
  for (let p = 0; p < FACE_PIXELS; p++) out[offset + p] = crop[p]! / 255;
  standardise(out, offset);
}

/** What `normalise` does, in place, on 2304 grays that are 0..1 already (an augmented or mixed crop). */
export function standardise(x: Float32Array, offset: number): void {
  const end = offset + FACE_PIXELS;
  let sum = 0;
  for (let p = offset; p < end; p++) sum += x[p]!;
  const mean = sum / FACE_PIXELS;
  let squares = 0;
  for (let p = offset; p < end; p++) squares += (x[p]! - mean) ** 2;
  const factor = 1 / (Math.sqrt(squares / FACE_PIXELS) + DEVIATION_FLOOR);
  for (let p = offset; p < end; p++) x[p] = (x[p]! - mean) * factor;
}

/** Normalises crops that lie one after another (n * 2304 bytes) to n * 2304 numbers. */
export function normaliseAll(crops: Uint8Array): Float32Array {
  const out = new Float32Array(crops.length);
  for (let offset = 0; offset < crops.length; offset += FACE_PIXELS) {
    normalise(crops.subarray(offset, offset + FACE_PIXELS), out, offset);
  }
  return out;
}
