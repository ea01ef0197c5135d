import { expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import { unroll } from '../../src/emotion/network.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import {
  biasOfLogits,
  correctPriors,
  fitPriorCorrection,
  sharesOf,
  withLessNeutral,
} from '../../src/versions/prior-correction.ts';
import { tinySet } from '../helpers/tiny-fer2013.ts';

/** 20 images a label, but for disgust (1), which has a sixteenth of the others' share. */
const TRAINED = sharesOfLabels(EMOTIONS.flatMap((_, label) => Array(label === 1 ? 20 : 320).fill(label)));

/** A set of black faces with these labels, as what is learned from. */
function learned(labels: readonly number[]) {
  const set = tinySet(labels.map((label) => ({ label, split: 'Training', face: new Uint8Array(FACE_PIXELS) })));
  return { training: set, validation: set };
}

function sharesOfLabels(labels: readonly number[]): number[] {
  return sharesOf(learned(labels));
}

/** Rows that give `first` and `second` these probabilities and spread the rest. */
function rows(list: readonly (readonly [first: number, p: number, second: number, q: number])[]): Float32Array {
  return Float32Array.from(
    list.flatMap(([first, p, second, q]) =>
      EMOTIONS.map((_, k) => (k === first ? p : k === second ? q : (1 - p - q) / 5)),
    ),
  );
}

it('an emotion has the share of the labels, or of the targets where there are some; an absent one that of one image', () => {
  expect(sharesOfLabels([0, 0, 0, 4])).toEqual([0.75, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]);
  const half = [0.5, 0.5, 0, 0, 0, 0, 0];
  const third = [0.25, 0, 0, 0, 0, 0, 0.75];
  const targets = Float32Array.from([half, half, half, third].flat());
  expect(sharesOf({ ...learned([0, 1, 0, 6]), targets })).toEqual([1.75, 1.5, 1, 1, 1, 1, 1].map((sum) => sum / 4));
});

it('of equally good corrections the weakest is taken', () => {
  const clear = Array.from({ length: 50 }, (_, k) => [k % 7, 0.9, (k + 1) % 7, 0.02] as const);
  const labels = Uint8Array.from(clear, ([first]) => first);
  expect(fitPriorCorrection(rows(clear), labels, TRAINED, 0.003)).toBe(0);
});

it('accuracy is traded for macro recall, up to the allowed loss', () => {
  // At 16^0.1 = 1.32 one more disgusted face is read right, and `angry` angry faces are read wrong.
  const lost = (angry: number, mostLost: number) => {
    const close = Array.from({ length: 2 + angry }, () => [0, 0.5, 1, 0.4] as const);
    const faces = [...close, ...Array.from({ length: 998 - angry }, () => [0, 0.9, 1, 0.01] as const)];
    const labels = Uint8Array.from(faces, (_, k) => (k === 0 ? 1 : 0));
    return fitPriorCorrection(rows(faces), labels, TRAINED, mostLost);
  };
  expect(lost(3, 0.003)).toBe(0.1);
  expect(lost(4, 0.003)).toBe(0);
  expect(lost(10, 0.01)).toBe(0.1);
  expect(lost(11, 0.01)).toBe(0);
});

it('rare emotions that are narrowly missed are given back, as far as that costs no accuracy', () => {
  const narrow = Array.from({ length: 10 }, () => [0, 0.5, 1, 0.2] as const); // disgust, by 2.5 too little
  const clear = Array.from({ length: 90 }, () => [0, 0.8, 1, 0.12] as const); // angry, by 6.7 enough
  const labels = Uint8Array.from([...narrow.map(() => 1), ...clear.map(() => 0)]);
  const probabilities = rows([...narrow, ...clear]);
  const strength = fitPriorCorrection(probabilities, labels, TRAINED, 0.003);
  // 16^0.3 = 2.3 is too little, 16^0.35 = 2.6 enough, 16^0.7 = 7.0 would turn the angry ones over.
  expect(strength).toBe(0.35);
});

it('nothing is corrected where that would cost accuracy', () => {
  const wanted = Array.from({ length: 5 }, () => [0, 0.5, 1, 0.3] as const);
  const others = Array.from({ length: 95 }, () => [0, 0.5, 1, 0.3] as const); // alike, but angry
  const labels = Uint8Array.from([...wanted.map(() => 1), ...others.map(() => 0)]);
  expect(fitPriorCorrection(rows([...wanted, ...others]), labels, TRAINED, 0.003)).toBe(0);
});

it('the correction in the bias divides probabilities by the shares to the power of its strength', async () => {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const weights = initialWeights(network, 3);
  const corrected = correctPriors(network, weights, TRAINED, 0.5);
  const engine = createOnnxEngine();
  const random = new Random(1);
  const x = new Float32Array(FACE_PIXELS).map(() => random.between(-2, 2));
  const read = async (of: typeof weights) => {
    const predictor = await engine.predictor(network, of, { threads: 1 });
    const out = await predictor.predict(x, 1);
    await predictor.dispose();
    return out;
  };
  const [before, after] = [await read(weights), await read(corrected)];
  // Disgust gains by the square root of 16 on each of the others, which keep their proportions.
  expect(after[1]! / after[0]! / (before[1]! / before[0]!)).toBeCloseTo(4, 3);
  expect(after[5]! / after[2]!).toBeCloseTo(before[5]! / before[2]!, 4);
  expect([...weights.keys()].filter((name) => weights.get(name) !== corrected.get(name))).toEqual([
    biasOfLogits(network),
  ]);
});

it('a network without a bias before its softmax stays as it is', () => {
  const { layers, ...rest } = ARCHITECTURES.get('tiny')!;
  const bare = layers.map((layer) => (layer.kind === 'dense' ? { ...layer, bias: false } : layer));
  const network = unroll({ ...rest, layers: bare });
  const weights = initialWeights(network, 3);
  expect(biasOfLogits(network)).toBeUndefined();
  expect(correctPriors(network, weights, TRAINED, 1)).toBe(weights);
});

it('a strength of 0 changes nothing, and an emotion that was never seen gives no infinity', () => {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const weights = initialWeights(network, 3);
  expect(correctPriors(network, weights, TRAINED, 0)).toBe(weights);
  const bias = correctPriors(network, weights, sharesOfLabels(Array(100).fill(0)), 1).get(biasOfLogits(network)!)!;
  expect([...bias].every(Number.isFinite)).toBe(true);
});

it('subtracts from the logit of neutral alone, and does not change the given weights', () => {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const weights = initialWeights(network, 1);
  const name = biasOfLogits(network)!;
  const changed = withLessNeutral(network, weights, 0.5);
  const difference = [...changed.get(name)!].map((value, k) => weights.get(name)![k]! - value);
  expect(difference).toEqual([0, 0, 0, 0, 0, 0, 0.5]);
  expect(withLessNeutral(network, weights, 0)).toBe(weights);
});
