import type { Predictor } from './engines/engine.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from './labels.ts';
import { normalise } from './normalise.ts';

/** Inputs that go through a network at a time: enough to fill it, few enough to stay in the cache. */
const BATCH = 64;

/** Every face is seen twice, as it is and mirrored, and the two answers are averaged. */
const VIEWS = 2;

/**
 * What the bot's network says of faces: the mean of its probabilities over the views of each.
 * @param crops n * 2304 gray bytes, one crop after the other
 * @returns n * 7 probabilities, in label order
 */
export async function readViews(predictor: Predictor, crops: Uint8Array): Promise<Float32Array> {
  const count = crops.length / FACE_PIXELS;
  const out = new Float32Array(count * EMOTIONS.length);
  const facesAtATime = BATCH / VIEWS;
  for (let from = 0; from < count; from += facesAtATime) {
    const faces = Math.min(facesAtATime, count - from);
    const x = new Float32Array(faces * VIEWS * FACE_PIXELS);
    for (let k = 0; k < faces; k++) {
      const at = k * VIEWS * FACE_PIXELS;
      normalise(crops.subarray((from + k) * FACE_PIXELS, (from + k + 1) * FACE_PIXELS), x, at);
      mirror(x, at, at + FACE_PIXELS);
    }
    const probabilities = await predictor.predict(x, faces * VIEWS);
    for (let k = 0; k < faces * VIEWS; k++)
      for (let c = 0; c < EMOTIONS.length; c++)
        out[(from + Math.floor(k / VIEWS)) * EMOTIONS.length + c]! += probabilities[k * EMOTIONS.length + c]! / VIEWS;
  }
  return out;
}

/** Writes the mirror image of the 48 x 48 numbers at `from` to `to`. */
function mirror(x: Float32Array, from: number, to: number): void {
  for (let row = 0; row < FACE_PIXELS; row += FACE_SIZE)
    for (let column = 0; column < FACE_SIZE; column++) x[to + row + column] = x[from + row + FACE_SIZE - 1 - column]!;
}
