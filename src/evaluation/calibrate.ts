import { type Calibration, rowOf, temper } from '../emotion/calibration.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import { crossEntropy, likeliest } from '../training/run/metrics.ts';

/** The bins of an expected calibration error, as in Guo et al. (2017, arXiv 1706.04599). */
const BINS = 15;

/** The goal that a threshold is chosen for. */
interface ThresholdGoal {
  /** This share of the answers that are given is to be right, 0..1 ... */
  readonly sureAccuracy: number;
  /** ... as long as no larger share than this is left unsure, 0..1. */
  readonly mostUnsure: number;
}

/** FER2013's own labels differ from what most people say about one face in three, so the goal is low. */
export const LABELS_GOAL: ThresholdGoal = { sureAccuracy: 0.82, mostUnsure: 0.3 };
/** Votes have less noise, so the goal is higher. */
export const VOTES_GOAL: ThresholdGoal = { sureAccuracy: 0.92, mostUnsure: 0.22 };

/** How well confidence matches accuracy, and what the threshold does. */
export interface ConfidenceReport {
  /** Expected calibration error, 0..1. */
  readonly calibrationError: number;
  /** Share of faces whose reading is 'unsure', 0..1. */
  readonly unsure: number;
  /** Share of the other readings that are right, 0..1; null where there are none. */
  readonly sureAccuracy: number | null;
}

/**
 * Fits temperature and threshold on faces that the network was not trained on.
 * @param probabilities n * 7, the network's outputs
 * @param labels n indexes into EMOTIONS
 */
export function fitCalibration(
  probabilities: Float32Array,
  labels: Uint8Array,
  goal = LABELS_GOAL,
): Omit<Calibration, 'softness'> {
  const temperature = fitTemperature(probabilities, labels);
  const unsureBelow = fitThreshold(tempered(probabilities, temperature), labels, goal);
  return { temperature, unsureBelow };
}

/** One answer: its confidence (0..1), whether that is too low to give it, and whether it is right. */
export interface Answer {
  readonly confidence: number;
  readonly unsure: boolean;
  readonly right: boolean;
}

/** Judges confidences on faces that nothing was fitted on. */
export function judgeConfidence(answers: readonly Answer[]): ConfidenceReport {
  const sure = answers.filter(({ unsure }) => !unsure);
  return {
    calibrationError: calibrationError(answers),
    unsure: answers.length === 0 ? 0 : 1 - sure.length / answers.length,
    sureAccuracy: sure.length === 0 ? null : sure.filter(({ right }) => right).length / sure.length,
  };
}

/** The temperature with the lowest cross-entropy, to 0.1 %, by golden-section search: the loss has a single minimum in it. */
function fitTemperature(probabilities: Float32Array, labels: Uint8Array): number {
  const loss = (temperature: number) => crossEntropy(tempered(probabilities, temperature), labels);
  const golden = (Math.sqrt(5) - 1) / 2;
  const at = (temperature: number) => ({ temperature, loss: loss(temperature) });
  let [low, high] = [0.2, 5];
  // Of the two points inside an interval, one is also inside the next interval, where it takes the other point's role.
  let one = at(high - golden * (high - low));
  let other = at(low + golden * (high - low));
  while (high - low > 0.001) {
    if (one.loss < other.loss) {
      high = other.temperature;
      other = one;
      one = at(high - golden * (high - low));
    } else {
      low = one.temperature;
      one = other;
      other = at(low + golden * (high - low));
    }
  }
  return Number(((low + high) / 2).toFixed(3));
}

/** The lowest threshold, in hundredths, with which enough answers are right; otherwise the highest that leaves few enough unsure. */
function fitThreshold(
  probabilities: Float32Array,
  labels: Uint8Array,
  { sureAccuracy, mostUnsure }: ThresholdGoal,
): number {
  const answers = answersOf(probabilities, labels);
  let threshold = 0;
  for (let percent = 20; percent <= 95; percent++) {
    const sure = answers.filter(({ confidence }) => confidence >= percent / 100);
    if (sure.length < (1 - mostUnsure) * answers.length) break;
    threshold = percent / 100;
    if (sure.filter(({ right }) => right).length >= sureAccuracy * sure.length) break;
  }
  return threshold;
}

function answersOf(probabilities: Float32Array, labels: Uint8Array): Omit<Answer, 'unsure'>[] {
  return Array.from(likeliest(probabilities), (best, k) => {
    return { confidence: rowOf(probabilities, k)[best]!, right: best === labels[k] };
  });
}

/** Mean difference between confidence and accuracy over 15 equal bins of confidence, each weighted by its share of the answers. */
function calibrationError(answers: readonly Omit<Answer, 'unsure'>[]): number {
  let error = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const inside = answers.filter(({ confidence }) => Math.min(BINS - 1, Math.floor(confidence * BINS)) === bin);
    const right = inside.filter((answer) => answer.right).length;
    const confidence = inside.reduce((sum, answer) => sum + answer.confidence, 0);
    error += Math.abs(right - confidence) / Math.max(1, answers.length);
  }
  return error;
}

function tempered(probabilities: Float32Array, temperature: number): Float32Array {
  const out = Float32Array.from(probabilities);
  for (let k = 0; k < out.length / EMOTIONS.length; k++) temper(rowOf(out, k), temperature);
  return out;
}
