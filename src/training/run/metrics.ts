import type { Predictor } from '../../emotion/engines/engine.ts';
import { EMOTIONS, type Emotion, FACE_PIXELS } from '../../emotion/labels.ts';
import { BATCH, normaliseAll } from '../../emotion/views.ts';
import type { FaceSet } from '../data/face-set.ts';

/** How well predictions fit the labels. Fractions are 0..1. */
export interface Metrics {
  /** Images judged. */
  readonly images: number;
  /** Share of images whose prediction is their label; 0 for no images. */
  readonly accuracy: number;
  /** Mean of the recalls of the emotions that occur, with equal weights; 0 for no images. */
  readonly macroRecall: number;
  /** Per emotion, the share of its images that were recognised; null if it does not occur. */
  readonly recall: Readonly<Record<Emotion, number | null>>;
  /** Counts: a row for each true emotion, a column for each predicted one, both in label order. */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Compares predictions with labels, both indexes into EMOTIONS.
 * @throws RangeError if they differ in length or hold a number that is not an emotion
 */
export function measure(labels: ArrayLike<number>, predictions: ArrayLike<number>): Metrics {
  if (labels.length !== predictions.length) {
    throw new RangeError(`${labels.length} labels but ${predictions.length} predictions`);
  }
  const confusion = EMOTIONS.map(() => EMOTIONS.map(() => 0));
  for (let i = 0; i < labels.length; i++) {
    const count = confusion[labels[i]!]?.[predictions[i]!];
    if (count === undefined)
      throw new RangeError(`Label ${labels[i]} or prediction ${predictions[i]} is not an emotion`);
    confusion[labels[i]!]![predictions[i]!] = count + 1;
  }
  return measureConfusion(confusion);
}

/** The metrics that follow from a confusion matrix (rows true, columns predicted, in label order). */
export function measureConfusion(confusion: readonly (readonly number[])[]): Metrics {
  const totals = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const images = totals.reduce((sum, total) => sum + total, 0);
  const right = confusion.reduce((sum, row, k) => sum + row[k]!, 0);
  const recalls = totals.map((total, k) => (total === 0 ? null : confusion[k]![k]! / total));
  const known = recalls.filter((recall) => recall !== null);
  return {
    images,
    accuracy: images === 0 ? 0 : right / images,
    macroRecall: known.length === 0 ? 0 : known.reduce((sum, recall) => sum + recall, 0) / known.length,
    recall: Object.fromEntries(EMOTIONS.map((emotion, k) => [emotion, recalls[k]])) as Record<Emotion, number | null>,
    confusion,
  };
}

/** The index of the largest of each `classes` numbers in a row: from n * classes probabilities to n predictions. */
export function likeliest(probabilities: Float32Array, classes: number = EMOTIONS.length): Uint8Array {
  const predictions = new Uint8Array(probabilities.length / classes);
  for (let i = 0; i < predictions.length; i++) {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities[i * classes + k]! > probabilities[i * classes + best]!) best = k;
    predictions[i] = best;
  }
  return predictions;
}

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
  // A probability can round to 0, and its logarithm would outweigh all others.
  const least = 1e-7;
  let sum = 0;
  for (let k = 0; k < labels.length; k++)
    sum -= Math.log(Math.max(least, probabilities[k * EMOTIONS.length + labels[k]!]!));
  return labels.length === 0 ? 0 : sum / labels.length;
}
