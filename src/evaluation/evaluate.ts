import { exactPercent, spreadOf } from '../base/numbers.ts';
import type { Classifier, Reading } from '../emotion/classifier.ts';
import { EMOTIONS, FACE_SIZE, likeliestEmotion } from '../emotion/labels.ts';
import { trainingDuplicates } from '../training/data/duplicates.ts';
import { countLabels, type FaceSet, faceAt } from '../training/data/face-set.ts';
import { agreedFaces, agreementWith, personAgreement } from '../training/data/votes.ts';
import type { Votes } from '../training/data/votes-file.ts';
import { type Metrics, measure } from '../training/run/metrics.ts';
import { type ConfidenceReport, judgeConfidence } from './calibrate.ts';

/** Figures of a classifier on labelled faces, used as the bot uses it. */
export interface Evaluation extends Metrics {
  /** The same without faces whose pixels equal a Training row: the network has seen those with their labels. */
  readonly withoutTrainingDuplicates: Pick<Metrics, 'images' | 'accuracy'>;
  /** How well its confidence matches its accuracy. */
  readonly confidence: ConfidenceReport;
}

/** Faces read at a time, which limits the memory that it takes. */
const CHUNK = 512;

/** Reads all faces of a set. @returns one reading a face, in their order @throws the signal's reason when it was aborted */
export async function readAll(classifier: Classifier, set: FaceSet, signal?: AbortSignal): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (let from = 0; from < set.count; from += CHUNK) {
    signal?.throwIfAborted();
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
 * @param training rows in which duplicates are looked for; without it no face counts as a duplicate
 */
export async function evaluate(classifier: Classifier, set: FaceSet, training?: FaceSet): Promise<Evaluation> {
  return judgeReadings(await readAll(classifier, set), set, training);
}

/** Figures of a classifier by votes, on the faces on which people agree; see `agreedFaces`. */
export interface VotesEvaluation extends Metrics {
  /** The mean share of a face's votes that the answer has, 0..1. */
  readonly agreement: number;
  /** How often two of the people who voted agree with each other, 0..1: a reference for `agreement`. */
  readonly personAgreement: number;
  readonly confidence: ConfidenceReport;
}

/** Compares readings, one a face of the set, with the votes. */
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

/** Properties of a crop that can be measured without knowing who is in it. */
const PROPERTIES = ['brightness', 'contrast', 'sharpness'] as const;
type Property = (typeof PROPERTIES)[number];

/** The faces of one quarter of a set, by one property. */
export interface Slice {
  readonly property: Property;
  /** From 0, the quarter with the lowest values, to 3. */
  readonly quarter: number;
  /** Bounds of the property in this quarter: brightness and contrast in gray levels, 0..255. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Share whose likeliest emotion is the label, 0..1. */
  readonly accuracy: number;
  /** The same with each emotion weighted by its share of the whole set, so that the mix of emotions plays no part. */
  readonly sameMix: number;
  /** Share read as 'unsure', 0..1. */
  readonly unsure: number;
}

/**
 * Accuracy by properties of the crops, in quarters of equal size. It shows for which pictures a network works less well, as far
 * as that can be told without knowing who is in them.
 * @param readings one a face of the set
 */
export function slicesOf(set: FaceSet, readings: readonly Reading[]): Slice[] {
  const measured = Array.from({ length: set.count }, (_, k) => measureCrop(faceAt(set, k)));
  const predictions = readings.map(likeliestOf);
  const counts = countLabels(set);
  return PROPERTIES.flatMap((property) => {
    const order = measured.map((_, k) => k).sort((a, b) => measured[a]![property] - measured[b]![property] || a - b);
    return [0, 1, 2, 3].flatMap((quarter): Slice[] => {
      const inside = order.slice((quarter * order.length) / 4, ((quarter + 1) * order.length) / 4);
      if (inside.length === 0) return [];
      const { accuracy, recall } = measure(
        inside.map((k) => set.labels[k]!),
        inside.map((k) => predictions[k]!),
      );
      return [
        {
          property,
          quarter,
          from: measured[inside[0]!]![property],
          to: measured[inside.at(-1)!]![property],
          images: inside.length,
          accuracy,
          sameMix: sameMix(recall, counts),
          unsure: inside.filter((k) => readings[k]!.emotion === 'unsure').length / inside.length,
        },
      ];
    });
  });
}

/** Mean of the recalls, each weighted by its emotion's share of the whole set. Emotions that do not occur here are left out. */
function sameMix(recall: Metrics['recall'], counts: readonly number[]): number {
  let [sum, weight] = [0, 0];
  for (const [k, emotion] of EMOTIONS.entries()) {
    const found = recall[emotion];
    if (found === null) continue;
    sum += counts[k]! * found;
    weight += counts[k]!;
  }
  return sum / weight;
}

/**
 * Mean and standard deviation of a crop's 2304 gray levels, and its sharpness: the mean absolute difference between a pixel and
 * the mean of its four neighbours, as a share of the standard deviation.
 */
export function measureCrop(crop: Uint8Array): Readonly<Record<Property, number>> {
  const { mean: brightness, deviation: contrast } = spreadOf(crop);
  let edges = 0;
  for (let y = 1; y < FACE_SIZE - 1; y++)
    for (let x = 1; x < FACE_SIZE - 1; x++) {
      const at = y * FACE_SIZE + x;
      const around = crop[at - 1]! + crop[at + 1]! + crop[at - FACE_SIZE]! + crop[at + FACE_SIZE]!;
      edges += Math.abs(crop[at]! - around / 4);
    }
  const sharpness = contrast === 0 ? 0 : edges / (FACE_SIZE - 2) ** 2 / contrast;
  return { brightness, contrast, sharpness };
}

/** An evaluation as text: one table for each part, with an empty line between them. */
export function evaluationText(
  evaluation: Evaluation,
  voted: VotesEvaluation | undefined,
  slices: readonly Slice[] | undefined,
): string {
  return [table(evaluation), ...(voted ? [votesTable(voted)] : []), ...(slices ? [slicesTable(slices)] : [])].join(
    '\n\n',
  );
}

function table(evaluation: Evaluation): string {
  const {
    images,
    accuracy,
    macroRecall,
    recall,
    confusion,
    withoutTrainingDuplicates: unseen,
    confidence,
  } = evaluation;
  return [
    `${images} faces: accuracy ${exactPercent(accuracy)}, macro recall ${exactPercent(macroRecall)}`,
    `${unseen.images} of them not in Training: accuracy ${exactPercent(unseen.accuracy)}`,
    confidenceLine(confidence),
    '',
    confusionTable({ confusion, recall }),
  ].join('\n');
}

function votesTable({ images, accuracy, macroRecall, agreement, personAgreement, ...rest }: VotesEvaluation): string {
  return [
    `By votes, ${images} faces on which people agree: accuracy ${exactPercent(accuracy)}, macro recall ${exactPercent(macroRecall)}`,
    `The answer has ${exactPercent(agreement)} of the votes; a person who voted agrees with ${exactPercent(personAgreement)} of the others`,
    confidenceLine(rest.confidence),
    '',
    confusionTable(rest),
  ].join('\n');
}

function confidenceLine({ unsure, sureAccuracy, calibrationError }: Evaluation['confidence']): string {
  const right = sureAccuracy === null ? '-' : exactPercent(sureAccuracy);
  return `${exactPercent(unsure)} unsure; of the others ${right} right; calibration error ${exactPercent(calibrationError)}`;
}

function confusionTable({ confusion, recall }: Pick<Evaluation, 'confusion' | 'recall'>): string {
  const cell = (text: string | number) => String(text).padStart(9);
  return [
    `${cell('')}${EMOTIONS.map(cell).join('')}${cell('recall')}   (rows: true, columns: read)`,
    ...EMOTIONS.map((emotion, k) => {
      const share = recall[emotion];
      return `${cell(emotion)}${confusion[k]!.map(cell).join('')}${cell(share === null ? '-' : exactPercent(share))}`;
    }),
  ].join('\n');
}

function slicesTable(slices: readonly Slice[]): string {
  const cell = (text: string | number) => String(text).padStart(10);
  return [
    ['by quarter', 'from', 'to', 'faces', 'right', 'same mix', 'unsure'].map(cell).join(''),
    ...slices.map(({ property, from, to, images, accuracy, sameMix, unsure }) => {
      const digits = property === 'sharpness' ? 2 : 0;
      return [
        property,
        from.toFixed(digits),
        to.toFixed(digits),
        images,
        exactPercent(accuracy),
        exactPercent(sameMix),
        exactPercent(unsure),
      ]
        .map(cell)
        .join('');
    }),
  ].join('\n');
}
