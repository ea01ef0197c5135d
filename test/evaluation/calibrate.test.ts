import { expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import {
  type Answer,
  fitCalibration,
  judgeConfidence,
  LABELS_GOAL,
  VOTES_GOAL,
} from '../../src/evaluation/calibrate.ts';

/** Probabilities of random logits, and labels drawn from those logits divided by `temperature`. */
function sample(count: number, temperature: number): { probabilities: Float32Array; labels: Uint8Array } {
  const random = new Random(5);
  const probabilities = new Float32Array(count * EMOTIONS.length);
  const labels = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    const logits = EMOTIONS.map(() => random.between(-3, 3));
    probabilities.set(softmax(logits), k * EMOTIONS.length);
    const truth = softmax(logits.map((logit) => logit / temperature));
    let left = random.next();
    labels[k] = truth.findIndex((p) => {
      left -= p;
      return left < 0;
    });
    if (labels[k] === 255) labels[k] = EMOTIONS.length - 1;
  }
  return { probabilities, labels };
}

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

it.each([0.5, 1, 2])('the temperature that labels were drawn with is found: %d', (temperature) => {
  const { probabilities, labels } = sample(8000, temperature);
  expect(fitCalibration(probabilities, labels).temperature / temperature).toBeCloseTo(1, 1);
});

/** A row whose likeliest emotion is 0 with probability p. */
function row(p: number): number[] {
  return EMOTIONS.map((_, k) => (k === 0 ? p : (1 - p) / 6));
}

it('the threshold is the lowest at which enough answers are right', () => {
  // 20 answers of confidence 0.4 of which every other one is right, 80 of 0.85 of which all but 12 are: 85 %.
  const rows = [...Array(20).fill(row(0.4)), ...Array(80).fill(row(0.85))].flat();
  const labels = Uint8Array.from([
    ...Array.from({ length: 20 }, (_, k) => (k % 2 === 0 ? 0 : 1 + (k % 6))),
    ...Array.from({ length: 80 }, (_, k) => (k < 68 ? 0 : 1 + (k % 6))),
  ]);
  const calibration = fitCalibration(Float32Array.from(rows), labels);
  expect(calibration.unsureBelow).toBeGreaterThan(0.3);
  const answers = [0.4, 0.85].map((p) => {
    const tempered = row(p).map((q) => q ** (1 / calibration.temperature));
    return tempered[0]! / tempered.reduce((a, b) => a + b);
  });
  expect(answers[0]!).toBeLessThan(calibration.unsureBelow);
  expect(answers[1]!).toBeGreaterThan(calibration.unsureBelow);
});

it.each([
  ['labels', LABELS_GOAL, 82],
  ['votes', VOTES_GOAL, 92],
] as const)('by %s the threshold rises only where less than the goal of all answers is right', (_, goal, percent) => {
  const levels = Array.from({ length: 100 }, (_, k) => (k < 10 ? 0.4 : 0.9));
  const threshold = (right: number) => {
    // Of the ten hesitant answers half are right.
    const labels = levels.map((_, k) => ((k < 10 ? k < 5 : k - 10 < right - 5) ? 0 : 1));
    return fitCalibration(Float32Array.from(levels.flatMap(row)), Uint8Array.from(labels), goal).unsureBelow;
  };
  expect(threshold(percent + 1)).toBe(0.2);
  expect(threshold(percent - 1)).toBeGreaterThan(0.3);
});

it('the threshold rises above confident answers that are often wrong', () => {
  const levels = Array.from({ length: 100 }, (_, k) => (k < 20 ? 0.85 : 0.99));
  // Half of the twenty are right, and 77 of the eighty.
  const labels = Uint8Array.from(levels, (_, k) => (k < 10 || (k >= 20 && k < 97) ? 0 : 1));
  const { unsureBelow, temperature } = fitCalibration(Float32Array.from(levels.flatMap(row)), labels, VOTES_GOAL);
  const tempered = (p: number) => {
    const powers = row(p).map((q) => q ** (1 / temperature));
    return powers[0]! / powers.reduce((a, b) => a + b);
  };
  expect(tempered(0.85)).toBeGreaterThan(0.6);
  expect(unsureBelow).toBeGreaterThan(tempered(0.85));
  expect(unsureBelow).toBeLessThan(tempered(0.99));
});

it.each([
  [30, LABELS_GOAL],
  [22, VOTES_GOAL],
] as const)('no more than %d %% are left unsure for the sake of accuracy', (most, goal) => {
  // Confidence says nothing here: half of the answers are right at every level.
  const levels = Array.from({ length: 100 }, (_, k) => 0.3 + 0.006 * k);
  const labels = Uint8Array.from(levels, (_, k) => (k % 2 === 0 ? 0 : 1));
  const probabilities = Float32Array.from(levels.flatMap(row));
  const { unsureBelow, temperature } = fitCalibration(probabilities, labels, goal);
  const unsure = levels.filter((p) => {
    const tempered = row(p).map((q) => q ** (1 / temperature));
    return tempered[0]! / tempered.reduce((a, b) => a + b) < unsureBelow;
  });
  expect(unsure.length).toBeLessThanOrEqual(most);
  expect(unsure.length).toBeGreaterThan(most - 8);
});

it('the calibration error is the distance between confidence and accuracy, bin by bin', () => {
  const answers: Answer[] = [
    // Bin 0.6 to 0.667: confidence 0.65 on average, half right. Bin 0.867 to 0.933: 0.9, all right.
    { confidence: 0.64, unsure: true, right: true },
    { confidence: 0.66, unsure: true, right: false },
    { confidence: 0.9, unsure: false, right: true },
    { confidence: 0.9, unsure: false, right: true },
  ];
  const report = judgeConfidence(answers);
  expect(report.calibrationError).toBeCloseTo((2 * 0.15 + 2 * 0.1) / 4, 6);
  expect(report.unsure).toBe(0.5);
  expect(report.sureAccuracy).toBe(1);
});

it('there are fifteen bins', () => {
  const answer = (confidence: number, right: boolean) => ({ confidence, unsure: false, right });
  // 0.61 and 0.69 lie in two of fifteen bins, and in one of ten; 0.61 and 0.66 in one of fifteen, and in two of twenty.
  expect(judgeConfidence([answer(0.61, true), answer(0.69, false)]).calibrationError).toBeCloseTo((0.39 + 0.69) / 2, 6);
  expect(judgeConfidence([answer(0.61, true), answer(0.66, false)]).calibrationError).toBeCloseTo(0.27 / 2, 6);
});

it('nothing to judge is no error, and all unsure leaves no accuracy of sure ones', () => {
  expect(judgeConfidence([])).toEqual({ calibrationError: 0, unsure: 0, sureAccuracy: null });
  expect(judgeConfidence([{ confidence: 0.3, unsure: true, right: true }]).sureAccuracy).toBeNull();
});
