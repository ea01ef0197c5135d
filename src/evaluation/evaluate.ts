import type { Classifier, Reading } from '../emotion/classifier.ts';
import { EMOTIONS, likeliestEmotion } from '../emotion/labels.ts';
import { trainingDuplicates } from '../training/data/duplicates.ts';
import { type FaceSet, faceAt } from '../training/data/face-set.ts';
import { agreedFaces, agreementWith, personAgreement, type Votes } from '../training/data/votes.ts';
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

/** How good a classifier is by what people voted for, on the faces on which they agree; see `agreedFaces`. */
export interface VotesEvaluation extends Metrics {
  /** The mean share of a face's votes that the answer has, 0..1. */
  readonly agreement: number;
  /** How often one person who voted agrees with another, 0..1: what `agreement` can be held against. */
  readonly personAgreement: number;
  readonly confidence: ConfidenceReport;
}

/** Compares readings, one a face of the set, with what people voted for. */
export function judgeByVotes(readings: readonly Reading[], set: FaceSet, votes: Votes): VotesEvaluation {
  const agreed = agreedFaces(set, votes);
  const position = new Map(Array.from(set.rows.index, (row, k) => [row, k]));
  const chosen = Array.from(agreed.rows.index, (row) => readings[position.get(row)!]!);
  const predictions = chosen.map(likeliestOf);
  return {
    ...measure(agreed.labels, predictions),
    agreement: agreementWith(agreed, votes, predictions),
    personAgreement: personAgreement(agreed, votes),
    confidence: confidenceOf(chosen, predictions, agreed.labels),
  };
}

/** Compares readings, one a face of the set, with the labels; see `evaluate`. */
export function judgeReadings(readings: readonly Reading[], set: FaceSet, training?: FaceSet): Evaluation {
  const predictions = readings.map(likeliestOf);
  const seen = new Set(training ? trainingDuplicates(set, training) : []);
  const unseen = <T>(values: ArrayLike<T>) => Array.from(values).filter((_, k) => !seen.has(k));
  const { images, accuracy } = measure(unseen(set.labels), unseen(predictions));
  const confidence = confidenceOf(readings, predictions, set.labels);
  return { ...measure(set.labels, predictions), withoutTrainingDuplicates: { images, accuracy }, confidence };
}

function confidenceOf(
  readings: readonly Reading[],
  predictions: readonly number[],
  labels: Uint8Array,
): ConfidenceReport {
  return judgeConfidence(
    readings.map(({ emotion, confidence }, k) => ({
      confidence,
      unsure: emotion === 'unsure',
      right: predictions[k] === labels[k],
    })),
  );
}
