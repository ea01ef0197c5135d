import type { Predictor } from '../../emotion/engines/engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../emotion/labels.ts';
import { normaliseAll } from '../../emotion/normalise.ts';
import type { FaceSet } from '../data/face-set.ts';

/** Faces that go through the network at a time: enough to fill it, few enough to stay in the cache. */
const BATCH = 64;

/** Probabilities (count * 7) of every face of a set, each seen once as it is. */
export async function predictAll(predictor: Predictor, set: FaceSet): Promise<Float32Array> {
  const out = new Float32Array(set.count * EMOTIONS.length);
  for (let from = 0; from < set.count; from += BATCH) {
    const count = Math.min(BATCH, set.count - from);
    const x = normaliseAll(set.pixels.subarray(from * FACE_PIXELS, (from + count) * FACE_PIXELS));
    out.set(await predictor.predict(x, count), from * EMOTIONS.length);
  }
  return out;
}

/** Mean of -log(probability of the label): the loss without smoothing. */
export function crossEntropy(probabilities: Float32Array, labels: Uint8Array): number {
  // A probability can round to 0, whose logarithm would drown all others.
  const least = 1e-7;
  let sum = 0;
  for (let k = 0; k < labels.length; k++)
    sum -= Math.log(Math.max(least, probabilities[k * EMOTIONS.length + labels[k]!]!));
  return labels.length === 0 ? 0 : sum / labels.length;
}
