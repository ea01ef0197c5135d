import { expect, it } from 'vitest';
import type { Classifier } from '../../src/emotion/classifier.ts';
import { FACE_PIXELS } from '../../src/emotion/labels.ts';
import { evaluate, measureCrop, slicesOf } from '../../src/evaluation/evaluate.ts';
import { plainFaces, reading } from '../helpers/plain-faces.ts';

/** Reads happy (3) in bright crops, sad (4) in dark ones; unsure of the very dark. */
const byBrightness: Classifier = {
  classify: async (crops) => crops.map((crop) => reading(crop[0]! > 100 ? 3 : 4, 0.8, crop[0]! < 10)),
  dispose: async () => {},
};

it('an evaluation counts unsure readings as their likeliest emotion, and tells how many are unsure', async () => {
  const set = plainFaces([200, 200, 50, 5], [3, 4, 4, 4]);
  const { images, accuracy, confusion, confidence } = await evaluate(byBrightness, set);
  expect(images).toBe(4);
  expect(accuracy).toBe(0.75);
  expect(confusion[4]![3]).toBe(1);
  expect(confidence.unsure).toBe(0.25);
  expect(confidence.sureAccuracy).toBeCloseTo(2 / 3, 6);
  expect(confidence.calibrationError).toBeCloseTo(0.05, 6); // 0.8 said, 0.75 right
});

it('rows whose pixels equal a Training row are counted separately, and more than one chunk is read', async () => {
  const levels = Array.from({ length: 1100 }, (_, k) => (k % 2 === 0 ? 200 : 50));
  const set = plainFaces(
    levels,
    levels.map((level, k) => (k >= 1000 ? 0 : level > 100 ? 3 : 4)),
  );
  const { images, accuracy, withoutTrainingDuplicates } = await evaluate(byBrightness, set, plainFaces([50], [4]));
  expect(images).toBe(1100);
  expect(accuracy).toBeCloseTo(1000 / 1100, 9);
  expect(withoutTrainingDuplicates).toEqual({ images: 550, accuracy: 500 / 550 });
});

it('slices are quarters of the set by the crops’ brightness, contrast and sharpness', async () => {
  const set = plainFaces([10, 250, 110, 90, 20, 240, 120, 30], [4, 3, 4, 4, 3, 3, 3, 4]);
  const readings = await byBrightness.classify(
    Array.from({ length: set.count }, (_, k) => set.pixels.subarray(k * FACE_PIXELS, (k + 1) * FACE_PIXELS)),
  );
  const slices = slicesOf(set, readings).filter(({ property }) => property === 'brightness');
  expect(slices.map(({ from, to }) => [from, to])).toEqual([
    [10, 20],
    [30, 90],
    [110, 120],
    [240, 250],
  ]);
  expect(slices.map(({ accuracy }) => accuracy)).toEqual([0.5, 1, 0.5, 1]);
  expect(slices.map(({ images }) => images)).toEqual([2, 2, 2, 2]);
  // Half are happy, half sad. Of the two darkest one is happy and one is sad, and the sad one is read right; the next two are both sad.
  expect(slices.map(({ sameMix }) => sameMix)).toEqual([0.5, 1, 0.5, 1]);
});

it('where emotions are not as frequent in a quarter as in the whole, the same mix makes up for it', () => {
  // The four darkest: three sad ones, all read right, and a happy one that is not. In the whole, half are happy.
  const labels = [4, 4, 4, 3, ...Array(8).fill(3), ...Array(4).fill(4)];
  const set = plainFaces(
    labels.map((_, k) => 10 * k),
    labels,
  );
  const readings = labels.map(() => reading(4, 0.8));
  const [darkest] = slicesOf(set, readings);
  expect(darkest!.accuracy).toBe(0.75);
  expect(darkest!.sameMix).toBeCloseTo(7 / 16, 9);
});

it('a crop is measured: its mean, its deviation, and a blurred one is less sharp than a crisp one', () => {
  expect(measureCrop(new Uint8Array(FACE_PIXELS).fill(7))).toEqual({ brightness: 7, contrast: 0, sharpness: 0 });
  const edge = Uint8Array.from({ length: FACE_PIXELS }, (_, at) => (at % 48 < 24 ? 0 : 200));
  const ramp = Uint8Array.from({ length: FACE_PIXELS }, (_, at) => Math.round(((at % 48) * 200) / 47));
  expect(measureCrop(edge).brightness).toBe(100);
  expect(measureCrop(edge).contrast).toBe(100);
  // Two columns beside the edge differ from the mean of their neighbours by 50, out of 46 columns that count.
  expect(measureCrop(edge).sharpness).toBeCloseTo((2 * 50) / 46 / 100, 6);
  expect(measureCrop(ramp).sharpness).toBeLessThan(measureCrop(edge).sharpness);
});
