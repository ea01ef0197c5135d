import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { fromFloat16, toFloat16 } from '../../../src/emotion/layers-format/float16.ts';
import { seeded } from '../networks.ts';

const finite = Array.from({ length: 0x7c00 }, (_, half) => half);

describe('fromFloat16', () => {
  it('reads all 65536 numbers as TensorFlow.js does', () => {
    const halves = Uint16Array.from({ length: 0x10000 }, (_, half) => half);
    const spec = { name: 'w', shape: [0x10000], dtype: 'float32', quantization: { dtype: 'float16' } } as const;
    const { w } = tf.io.decodeWeights(halves.buffer, [{ ...spec, shape: [...spec.shape] }]);
    expect(Float32Array.from(halves, fromFloat16)).toEqual(w!.dataSync());
    w!.dispose();
  });
});

describe('toFloat16', () => {
  it('gives back every number that float16 holds', () => {
    for (const half of [...finite, 0x7c00]) {
      expect(toFloat16(fromFloat16(half))).toBe(half);
      expect(toFloat16(-fromFloat16(half))).toBe(half | 0x8000);
    }
    expect(fromFloat16(toFloat16(Number.NaN))).toBeNaN();
  });

  it('rounds what lies between two to the nearer, and the middle to the even one', () => {
    for (const half of finite.slice(0, -1)) {
      const [below, above] = [fromFloat16(half), fromFloat16(half + 1)];
      const middle = (below + above) / 2;
      const step = (above - below) / 64;
      expect(toFloat16(middle - step)).toBe(half);
      expect(toFloat16(middle)).toBe(half % 2 === 0 ? half : half + 1);
      expect(toFloat16(middle + step)).toBe(half + 1);
    }
  });

  it('is never further from a number than any other half', () => {
    const random = seeded(5);
    for (let k = 0; k < 2000; k++) {
      const value = Math.fround((2 * random() - 1) * 2 ** (40 * random() - 26));
      const half = toFloat16(value);
      const error = Math.abs(fromFloat16(half) - value);
      for (const other of [half - 1, half + 1].filter((h) => (h & 0x7fff) < 0x7c00 && h >= 0 && h <= 0xffff))
        expect(error).toBeLessThanOrEqual(Math.abs(fromFloat16(other) - value));
    }
  });

  it.each([
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [1e30, 0x7c00],
    [-1e30, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.001, 1],
    [-(2 ** -26), 0x8000],
    [1e-42, 0],
    [-0, 0x8000],
  ])('puts %d at 0x%s', (value, half) => {
    expect(toFloat16(value)).toBe(half);
  });
});
