import { expect, test } from 'vitest';
import { drawMask, maskChannelsLast } from '../../../src/emotion/engines/dropout.ts';

const keys = { seed: 3, epoch: 1, index: 4, layer: 0 };

function draw(rate: number, more: Partial<typeof keys> = {}): Float32Array {
  const mask = new Float32Array(10_000);
  drawMask(mask, rate, { ...keys, ...more });
  return mask;
}

test.each([0.1, 0.4, 0.75])('a mask drops a share of %d and makes up for it in the rest', (rate) => {
  const mask = draw(rate);
  const kept = Math.fround(1 / (1 - rate));
  expect(mask.every((value) => value === 0 || value === kept)).toBe(true);
  expect(mask.filter((value) => value === 0).length / mask.length).toBeCloseTo(rate, 1);
  expect(mask.reduce((sum, value) => sum + value, 0) / mask.length).toBeCloseTo(1, 1);
});

test('a mask is the same for the same keys and another one for every other', () => {
  const mask = draw(0.5);
  expect(draw(0.5)).toEqual(mask);
  for (const other of [{ seed: 4 }, { epoch: 2 }, { index: 5 }, { layer: 1 }])
    expect(draw(0.5, other)).not.toEqual(mask);
});

test('masks of maps are reordered to channels last, image by image; those of vectors are left alone', () => {
  // Two images of 1 x 2 pixels and 3 channels; hundreds count images, tens channels, ones pixels.
  const first = Float32Array.of(0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121);
  expect([...maskChannelsLast(first, [1, 2, 3])]).toEqual([0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121]);
  expect(maskChannelsLast(first, [6])).toBe(first);
});
