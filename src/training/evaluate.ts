import type { Classifier } from '../emotion/classifier.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import { trainingDuplicates } from './duplicates.ts';
import { type FaceSet, faceAt } from './face-set.ts';
import { type Metrics, measure } from './metrics.ts';

/** How good a classifier is on labelled faces, as the bot uses it. */
export interface Evaluation extends Metrics {
  /** The same without the faces whose pixels equal a Training row: the network has seen those with their labels. */
  readonly withoutTrainingDuplicates: Pick<Metrics, 'images' | 'accuracy'>;
}

/** Faces read at a time: bounds the memory of the answers under way. */
const CHUNK = 512;

/**
 * Reads every face of a set and compares the likeliest emotion, unsure or not, with the label.
 * @param training the rows to look for duplicates in; without them none is found
 */
export async function evaluate(classifier: Classifier, set: FaceSet, training?: FaceSet): Promise<Evaluation> {
  const predictions = new Uint8Array(set.count);
  for (let from = 0; from < set.count; from += CHUNK) {
    const count = Math.min(CHUNK, set.count - from);
    const crops = Array.from({ length: count }, (_, k) => faceAt(set, from + k));
    const readings = await classifier.classify(crops);
    readings.forEach(({ scores }, k) => {
      const likeliest = EMOTIONS.reduce((best, emotion) => (scores[emotion] > scores[best] ? emotion : best));
      predictions[from + k] = EMOTIONS.indexOf(likeliest);
    });
  }
  const seen = new Set(training ? trainingDuplicates(set, training) : []);
  const unseen = <T>(values: ArrayLike<T>) => Array.from(values).filter((_, k) => !seen.has(k));
  const { images, accuracy } = measure(unseen(set.labels), unseen(predictions));
  return { ...measure(set.labels, predictions), withoutTrainingDuplicates: { images, accuracy } };
}
