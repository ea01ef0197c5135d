import { expect, test } from 'vitest';
import { commandOf, oneCycle, trainingPlan } from '../../../src/training/run/plan.ts';
import { duration } from '../../../src/training/run/progress.ts';

const cycle = { peak: 0.1, warmUp: 0.25, finalDivisor: 10_000 };

test('the learning rate rises from a 25th to its peak and falls to almost nothing', () => {
  const rates = Array.from({ length: 100 }, (_, step) => oneCycle(cycle, step, 100));
  expect(rates[0]).toBeCloseTo(0.1 / 25, 12);
  expect(rates.indexOf(Math.max(...rates))).toBe(24);
  expect(rates[24]).toBeCloseTo(0.1, 12);
  expect(rates[99]).toBeCloseTo(0.1 / 25 / 10_000, 12);
  for (let k = 1; k <= 24; k++) expect(rates[k]).toBeGreaterThan(rates[k - 1]!);
  for (let k = 25; k < 100; k++) expect(rates[k]).toBeLessThan(rates[k - 1]!);
  // Half way down a cosine lies the mean of both ends.
  expect(oneCycle({ ...cycle, warmUp: 0 }, 50, 101)).toBeCloseTo((0.1 + 0.1 / 25 / 10_000) / 2, 9);
});

test('one step in all is a step at the end of the cycle', () => {
  expect(oneCycle(cycle, 0, 1)).toBeGreaterThan(0);
});

test('the command that a plan comes from names what is not the default', () => {
  expect(commandOf(trainingPlan())).toBe('npm run train -- --architecture vgg9 --epochs 22 --seed 1');
  const plan = trainingPlan({ architecture: 'tiny', epochs: 3, averageDecay: 0.99, augmentation: 'none', seed: 5 });
  expect(commandOf(plan)).toBe(
    'npm run train -- --architecture tiny --epochs 3 --seed 5 --average-decay 0.99 --no-augmentation',
  );
});

test('durations are said as people say them', () => {
  expect([0.2, 40, 125, 3600 * 3 + 300].map(duration)).toEqual(['0 s', '40 s', '2 min', '3 h 05 min']);
});
