import { expect, it } from 'vitest';
import { clamp, exactPercent, logistic, logOdds, percent, points, spreadOf } from '../../src/base/numbers.ts';

it('percent rounds to whole percent, exactPercent to tenths', () => {
  const whole = [0, 0.004, 0.125, 0.996, 1].map((share) => percent(share));
  expect(whole).toEqual(['0 %', '0 %', '13 %', '100 %', '100 %']);
  expect([exactPercent(0.6543), exactPercent(1)]).toEqual(['65.4 %', '100.0 %']);
});

it('points are tenths with their sign, and 0 is no loss', () => {
  expect([0.032, -0.0041, 0, -0.0004].map(points)).toEqual(['+3.2', '−0.4', '+0.0', '+0.0']);
});

it('clamp takes the nearest number within the bounds', () => {
  expect([-3, 0, 2.5, 7, 9].map((value) => clamp(value, 0, 7))).toEqual([0, 0, 2.5, 7, 7]);
});

it('logistic and logOdds undo each other', () => {
  expect(logistic(0)).toBe(0.5);
  expect(logOdds(0.75)).toBeCloseTo(Math.log(3), 12);
  for (const value of [-7, -0.3, 2, 5]) expect(logOdds(logistic(value))).toBeCloseTo(value, 9);
});

it('mean and standard deviation of bytes are those of the whole population', () => {
  expect(spreadOf(Uint8Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toEqual({ mean: 5, deviation: 2 });
  expect(spreadOf(Uint8Array.of(200, 200))).toEqual({ mean: 200, deviation: 0 });
});
