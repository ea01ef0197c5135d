import type { Engine, Predictor } from './engines/engine.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from './labels.ts';
import type { Network, Weights } from './network.ts';

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
 * @param softness how much the crop is softened first; see `soften`
 */
export function normalise(crop: Uint8Array, out: Float32Array, offset: number, softness = 0): void {
  for (let p = 0; p < FACE_PIXELS; p++) out[offset + p] = crop[p]! / 255;
  soften(out, offset, softness);
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

/**
 * Softens a crop in place: each pixel takes a share of its left and right neighbours, then of those above and below.
 * Beyond the edge the outermost pixel goes on.
 * @param x 2304 grays from `offset` on
 * @param softness each neighbour's share, 0 (none) to 0.25
 */
export function soften(x: Float32Array, offset: number, softness: number): void {
  if (softness === 0) return;
  for (let k = 0; k < FACE_SIZE; k++) softenLine(x, offset + k * FACE_SIZE, 1, softness);
  for (let k = 0; k < FACE_SIZE; k++) softenLine(x, offset + k, FACE_SIZE, softness);
}

/** Softens the row or column of 48 grays that starts at `from`. */
function softenLine(x: Float32Array, from: number, step: number, softness: number): void {
  let before = x[from]!;
  for (let k = 0; k < FACE_SIZE; k++) {
    const at = from + k * step;
    const here = x[at]!;
    const after = k + 1 < FACE_SIZE ? x[at + step]! : here;
    x[at] = here + softness * (before + after - 2 * here);
    before = here;
  }
}

/** Normalises crops that lie one after another (n * 2304 bytes) to n * 2304 numbers. */
export function normaliseAll(crops: Uint8Array): Float32Array {
  const out = new Float32Array(crops.length);
  for (let offset = 0; offset < crops.length; offset += FACE_PIXELS) {
    normalise(crops.subarray(offset, offset + FACE_PIXELS), out, offset);
  }
  return out;
}

/**
 * Crops one after the other, as `readViews` takes them.
 * @param bytes where they go
 * @throws Error for a crop that has not 2304 bytes
 */
export function joinCrops(
  crops: readonly Uint8Array[],
  bytes: Uint8Array = new Uint8Array(crops.length * FACE_PIXELS),
): Uint8Array {
  crops.forEach((crop, k) => {
    if (crop.length !== FACE_PIXELS) throw new Error(`crop ${k} has ${crop.length} bytes, not ${FACE_PIXELS}`);
    bytes.set(crop, k * FACE_PIXELS);
  });
  return bytes;
}

/** Inputs that go through a network at a time: enough to fill it, few enough to stay in the cache. */
export const BATCH = 64;

/** Every face is seen twice, as it is and mirrored, and the two answers are averaged. */
const VIEWS = 2;
/** Faces read at once. Larger batches would be at most a tenth faster, but 64 views take 80 MB, and an engine never frees memory. */
const FACES_AT_A_TIME = 8;

/**
 * Reads faces as the bot does: the mean of the network's probabilities over the views of each face.
 * @param crops n * 2304 gray bytes, one crop after the other
 * @param softness how much crops are softened first; see `soften`
 * @returns n * 7 probabilities, in label order
 */
export async function readViews(predictor: Predictor, crops: Uint8Array, softness: number): Promise<Float32Array> {
  const count = crops.length / FACE_PIXELS;
  const out = new Float32Array(count * EMOTIONS.length);
  for (let from = 0; from < count; from += FACES_AT_A_TIME) {
    const faces = Math.min(FACES_AT_A_TIME, count - from);
    const x = new Float32Array(faces * VIEWS * FACE_PIXELS);
    for (let k = 0; k < faces; k++) {
      const at = k * VIEWS * FACE_PIXELS;
      normalise(crops.subarray((from + k) * FACE_PIXELS, (from + k + 1) * FACE_PIXELS), x, at, softness);
      mirror(x, at, at + FACE_PIXELS);
    }
    const probabilities = await predictor.predict(x, faces * VIEWS);
    for (let k = 0; k < faces * VIEWS; k++)
      for (let c = 0; c < EMOTIONS.length; c++)
        out[(from + Math.floor(k / VIEWS)) * EMOTIONS.length + c]! += probabilities[k * EMOTIONS.length + c]! / VIEWS;
  }
  return out;
}

/** Does the same with a network that is loaded for these faces only. */
export async function readOnce(
  engine: Engine,
  network: Network,
  weights: Weights,
  crops: Uint8Array,
  softness: number,
): Promise<Float32Array> {
  const predictor = await engine.predictor(network, weights);
  try {
    return await readViews(predictor, crops, softness);
  } finally {
    await predictor.dispose();
  }
}

/** Writes the mirror image of the 48 x 48 numbers at `from` to `to`. */
function mirror(x: Float32Array, from: number, to: number): void {
  for (let row = 0; row < FACE_PIXELS; row += FACE_SIZE)
    for (let column = 0; column < FACE_SIZE; column++) x[to + row + column] = x[from + row + FACE_SIZE - 1 - column]!;
}
