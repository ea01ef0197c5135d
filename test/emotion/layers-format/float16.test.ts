import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { decodeWeights, encodeWeights } from '../../../src/emotion/layers-format/weights-file.ts';
import { seeded } from '../networks.ts';

/** Half-precision numbers as they lie in a weights file, 16 bits each. */
function store(values: Float32Array): Uint16Array {
  const { bytes } = encodeWeights([{ name: 'w', shape: [values.length], data: values }], 'float16');
  return new Uint16Array(bytes.buffer);
}

function read(halves: Uint16Array): Float32Array {
  const entry = { name: 'w', shape: [halves.length], dtype: 'float32', quantization: { dtype: 'float16' } } as const;
  return decodeWeights(new Uint8Array(halves.buffer), [entry]).get('w')!;
}

const toFloat16 = (value: number) => store(Float32Array.of(value))[0]!;
const fromFloat16 = (half: number) => read(Uint16Array.of(half))[0]!;

const finite = Uint16Array.from({ length: 0x7c00 }, (_, half) => half);

describe('numbers read as float16', () => {
  it('are those that TensorFlow.js reads, all 65536 of them', () => {
    const halves = Uint16Array.from({ length: 0x10000 }, (_, half) => half);
    const spec = { name: 'w', shape: [0x10000], dtype: 'float32', quantization: { dtype: 'float16' } } as const;
    const { w } = tf.io.decodeWeights(halves.buffer, [{ ...spec, shape: [...spec.shape] }]);
    expect(read(halves)).toEqual(w!.dataSync());
    w!.dispose();
  });
});

describe('numbers stored as float16', () => {
  it('come back where float16 holds them', () => {
    const values = read(Uint16Array.of(...finite, 0x7c00));
    expect(store(values)).toEqual(Uint16Array.of(...finite, 0x7c00));
    expect(store(values.map((value) => -value))).toEqual(
      Uint16Array.of(...finite, 0x7c00).map((half) => half | 0x8000),
    );
    expect(fromFloat16(toFloat16(Number.NaN))).toBeNaN();
  });

  it('round to the nearer of two, and from the middle to the even one', () => {
    const [below, above] = [read(finite.subarray(0, -1).slice()), read(finite.subarray(1).slice())];
    const middle = below.map((value, k) => (value + above[k]!) / 2);
    const step = below.map((value, k) => (above[k]! - value) / 64);
    expect(store(middle.map((value, k) => value - step[k]!))).toEqual(finite.slice(0, -1));
    expect(store(middle)).toEqual(finite.slice(0, -1).map((half) => (half % 2 === 0 ? half : half + 1)));
    expect(store(middle.map((value, k) => value + step[k]!))).toEqual(finite.slice(1));
  });

  it('are never further from a number than any other half', () => {
    const random = seeded(5);
    const values = Float32Array.from({ length: 2000 }, () => (2 * random() - 1) * 2 ** (40 * random() - 26)).map((v) =>
      Math.max(-65504, Math.min(65504, v)),
    );
    store(values).forEach((half, k) => {
      const error = Math.abs(fromFloat16(half) - values[k]!);
      for (const other of [half - 1, half + 1].filter((h) => (h & 0x7fff) < 0x7c00 && h >= 0 && h <= 0xffff))
        expect(error).toBeLessThanOrEqual(Math.abs(fromFloat16(other) - values[k]!));
    });
  });

  it.each([
    [65519.99, 0x7bff],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.001, 1],
    [-(2 ** -26), 0x8000],
    [1e-42, 0],
    [-0, 0x8000],
  ])('put %d at 0x%s', (value, half) => {
    expect(toFloat16(value)).toBe(half);
  });

  it.each([65520, 1e30, -1e30])('are refused where they would become infinite: %d', (value) => {
    expect(() => toFloat16(value)).toThrow('float16 ends at 65504');
  });
});
