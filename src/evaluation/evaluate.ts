import type { Classifier, Reading } from '../emotion/classifier.ts';
import { EMOTIONS, likeliestEmotion } from '../emotion/labels.ts';
import { trainingDuplicates } from '../training/data/duplicates.ts';
import { type FaceSet, faceAt } from '../training/data/face-set.ts';
import { type Metrics, measure } from '../training/run/metrics.ts';
import { type ConfidenceReport, judgeConfidence } from './calibrate.ts';

/** How good a classifier is on labelled faces, as the bot uses it. */
export interface Evaluation extends Metrics {
  /** The same without the faces whose pixels equal a Training row: the network has seen those with their labels. */
  readonly withoutTrainingDuplicates: Pick<Metrics, 'images' | 'accuracy'>;
  /** How honest its confidence is. */
  readonly confidence: ConfidenceReport;
}

/** Faces read at a time: bounds the memory of the answers under way. */
const CHUNK = 512;

/** One reading a face of the set, in its order. */
export async function readAll(classifier: Classifier, set: FaceSet): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (let from = 0; from < set.count; from += CHUNK) {
    const count = Math.min(CHUNK, set.count - from);
    readings.push(...(await classifier.classify(Array.from({ length: count }, (_, k) => faceAt(set, from + k)))));
  }
  return readings;
}

/** The index of the likeliest emotion of a reading, unsure or not. */
export function likeliestOf({ scores }: Reading): number {
  return EMOTIONS.indexOf(likeliestEmotion(scores));
}

/**
 * Reads every face of a set and compares the likeliest emotion, unsure or not, with the label.
 * @param training the rows to look for duplicates in; without them none is found
 */
export async function evaluate(classifier: Classifier, set: FaceSet, training?: FaceSet): Promise<Evaluation> {
  return judgeReadings(await readAll(classifier, set), set, training);
}

/** Compares readings, one a face of the set, with the labels; see `evaluate`. */
export function judgeReadings(readings: readonly Reading[], set: FaceSet, training?: FaceSet): Evaluation {
  const predictions = readings.map(likeliestOf);
  const seen = new Set(training ? trainingDuplicates(set, training) : []);
  const unseen = <T>(values: ArrayLike<T>) => Array.from(values).filter((_, k) => !seen.has(k));
  const { images, accuracy } = measure(unseen(set.labels), unseen(predictions));
  const confidence = judgeConfidence(
    readings.map(({ emotion, confidence }, k) => ({
      confidence,
      unsure: emotion === 'unsure',
      right: predictions[k] === set.labels[k],
    })),
  );
  return { ...measure(set.labels, predictions), withoutTrainingDuplicates: { images, accuracy }, confidence };
}
