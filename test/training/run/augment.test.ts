import { describe, expect, it } from 'vitest';
import { Random, shuffledOrder } from '../../../src/base/random.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from '../../../src/emotion/labels.ts';
import { normalise, normaliseAll } from '../../../src/emotion/views.ts';
import {
  type AugmentationOptions,
  augmentBatch,
  type BatchPlan,
  DEFAULT_AUGMENTATION,
  drawErasing,
  drawTransform,
} from '../../../src/training/run/augment.ts';
import { balancedClassWeights, writeTarget } from '../../../src/training/run/targets.ts';
import { applyTransform, IDENTITY, type Transform } from '../../../src/training/run/transform.ts';
import { drawTinyFace, tinyRows, tinySet } from '../../helpers/tiny-fer2013.ts';

const face = drawTinyFace(4, 1);
const at = (x: number, y: number) => y * FACE_SIZE + x;

/** The grays 0..1 that a transform makes of `crop`. */
function transformed(crop: Uint8Array, change: Partial<Transform>): Float32Array {
  const out = new Float32Array(FACE_PIXELS);
  applyTransform(crop, { ...IDENTITY, ...change }, out, 0);
  return out;
}

/** What `pixel` says, for every pixel of a crop. */
const crop = (pixel: (x: number, y: number) => number) =>
  Uint8Array.from({ length: FACE_PIXELS }, (_, p) => pixel(p % FACE_SIZE, Math.floor(p / FACE_SIZE)));

function expectPixels(actual: Float32Array, expected: (x: number, y: number) => number, margin = 0): void {
  for (let y = margin; y < FACE_SIZE - margin; y++) {
    for (let x = margin; x < FACE_SIZE - margin; x++) expect(actual[at(x, y)]).toBeCloseTo(expected(x, y), 5);
  }
}

describe('applyTransform', () => {
  it('leaves a crop as it is, exactly, if nothing is asked for', () => {
    expect(transformed(face, {})).toEqual(Float32Array.from(face, (gray) => gray / 255));
  });

  it('mirrors, exactly', () => {
    expectPixels(transformed(face, { flip: true }), (x, y) => face[at(47 - x, y)]! / 255);
  });

  it('moves right and down, repeating the edge', () => {
    expectPixels(
      transformed(face, { dx: 3, dy: 2 }),
      (x, y) => face[at(Math.max(0, x - 3), Math.max(0, y - 2))]! / 255,
    );
    expectPixels(transformed(face, { dx: -5 }), (x, y) => face[at(Math.min(47, x + 5), y)]! / 255);
  });

  it('interpolates between pixels', () => {
    expectPixels(
      transformed(face, { dx: 0.25 }),
      (x, y) => (0.25 * face[at(Math.max(0, x - 1), y)]! + 0.75 * face[at(x, y)]!) / 255,
    );
    const ramp = crop((x, y) => 2 * x + 3 * y);
    expectPixels(transformed(ramp, { dx: 0.5, dy: -0.25 }), (x, y) => (2 * (x - 0.5) + 3 * (y + 0.25)) / 255, 2);
  });

  it('turns clockwise by a quarter', () => {
    // What was on top comes to the right: the pixel at (x, y) of the result was at (y, 47 - x).
    expectPixels(transformed(face, { angle: Math.PI / 2 }), (x, y) => face[at(y, 47 - x)]! / 255);
  });

  it('scales about the centre', () => {
    const ramp = crop((x, y) => 2 * x + 3 * y);
    expectPixels(
      transformed(ramp, { scale: 2 }),
      (x, y) => (2 * (23.5 + (x - 23.5) / 2) + 3 * (23.5 + (y - 23.5) / 2)) / 255,
    );
  });

  it('turns and scales at once, then shifts', () => {
    const [angle, scale, dx, dy] = [0.2, 1.1, 1.5, -2];
    const ramp = crop((x, y) => 2 * x + 3 * y);
    const expected = (u: number, v: number) => {
      const [a, b] = [(u - 23.5 - dx) / scale, (v - 23.5 - dy) / scale];
      const x = 23.5 + Math.cos(angle) * a + Math.sin(angle) * b;
      const y = 23.5 - Math.sin(angle) * a + Math.cos(angle) * b;
      return (2 * x + 3 * y) / 255;
    };
    expectPixels(transformed(ramp, { angle, scale, dx, dy }), expected, 8);
  });

  it('stretches the contrast about the mean and adds brightness, clipped to 0..1', () => {
    const halves = crop((x) => (x < 24 ? 100 : 150));
    expectPixels(transformed(halves, { contrast: 1.2 }), (x) => (125 + 1.2 * (x < 24 ? -25 : 25)) / 255);
    expectPixels(transformed(halves, { brightness: -0.1 }), (x) => (x < 24 ? 100 : 150) / 255 - 0.1);
    const bright = transformed(
      crop((x) => (x < 24 ? 10 : 250)),
      { brightness: 0.1 },
    );
    expectPixels(bright, (x) => (x < 24 ? 10 / 255 + 0.1 : 1));
  });
});

describe('drawTransform and drawErasing', () => {
  const random = new Random(3);
  const options: AugmentationOptions = { ...DEFAULT_AUGMENTATION, erasing: 1 };

  it('stays within its options and uses their whole range', () => {
    const drawn = Array.from({ length: 4000 }, () => drawTransform(random, options));
    const range = (of: (t: Transform) => number) => {
      const values = drawn.map(of);
      return [Math.min(...values), Math.max(...values)] as const;
    };
    const limits: [of: (t: Transform) => number, centre: number, reach: number][] = [
      [(t) => t.angle, 0, (15 * Math.PI) / 180],
      [(t) => t.scale, 1, 0.12],
      [(t) => t.dx, 0, 0.07 * 48],
      [(t) => t.dy, 0, 0.07 * 48],
      [(t) => t.contrast, 1, 0.25],
      [(t) => t.brightness, 0, 0.1],
    ];
    for (const [of, centre, reach] of limits) {
      const [low, high] = range(of);
      expect(low).toBeGreaterThanOrEqual(centre - reach);
      expect(low).toBeLessThan(centre - 0.99 * reach);
      expect(high).toBeLessThanOrEqual(centre + reach);
      expect(high).toBeGreaterThan(centre + 0.99 * reach);
    }
    const flips = drawn.filter((t) => t.flip).length;
    expect(Math.abs(flips - 2000)).toBeLessThan(160);
  });

  it('erases rectangles within the crop, of 2 to 33 % of it, or nothing', () => {
    const drawn = Array.from({ length: 2000 }, () => drawErasing(random, options)!);
    for (const { x, y, width, height } of drawn) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(FACE_SIZE);
      expect((width * height) / FACE_PIXELS).toBeGreaterThan(0.015);
      expect((width * height) / FACE_PIXELS).toBeLessThan(0.35);
    }
    const some = Array.from({ length: 4000 }, () => drawErasing(random, DEFAULT_AUGMENTATION)).filter(Boolean).length;
    expect(Math.abs(some / 4000 - 0.3)).toBeLessThan(0.04);
    expect(drawErasing(random, 'none')).toBeUndefined();
  });
});

describe('normalise', () => {
  it('is (x - mean) / (std + 0.05) with x in 0..1', () => {
    const out = new Float32Array(FACE_PIXELS + 3).fill(9);
    normalise(
      crop((x) => (x < 24 ? 51 : 153)),
      out,
      3,
    );
    // Half the pixels 0.2, half 0.6: mean 0.4, population std 0.2.
    expect([...out.subarray(0, 3)]).toEqual([9, 9, 9]);
    expectPixels(out.subarray(3), (x) => (x < 24 ? -0.2 : 0.2) / 0.25);
  });

  it('makes a flat crop 0, not NaN', () => {
    const out = new Float32Array(FACE_PIXELS);
    normalise(new Uint8Array(FACE_PIXELS), out, 0);
    expect(out.every((value) => value === 0)).toBe(true);
  });

  it('normalises a batch of crops as it does each crop', () => {
    const second = drawTinyFace(2, 9);
    const both = normaliseAll(Uint8Array.from([...face, ...second]));
    const expected = new Float32Array(2 * FACE_PIXELS);
    normalise(face, expected, 0);
    normalise(second, expected, FACE_PIXELS);
    expect(both).toEqual(expected);
  });
});

describe('targets', () => {
  it('smooths over all seven and weighs', () => {
    const y = new Float32Array(14).fill(9);
    writeTarget(3, 0.1, 2, y, 7);
    expect([...y.subarray(0, 7)]).toEqual(Array(7).fill(9));
    EMOTIONS.forEach((_, k) => {
      expect(y[7 + k]).toBeCloseTo(2 * (0.1 / 7 + (k === 3 ? 0.9 : 0)), 6);
    });
  });

  it('balances: every emotion that occurs has an equal say and the mean weight is 1', () => {
    const labels = Uint8Array.from([0, 0, 0, 0, 3, 3, 6, 6]);
    expect(balancedClassWeights(labels)).toEqual([8 / 12, 0, 0, 8 / 6, 0, 0, 8 / 6].map((w) => expect.closeTo(w, 9)));
    for (const power of [0, 0.5, 1]) {
      const weights = balancedClassWeights(labels, power);
      expect([...labels].reduce((sum, label) => sum + weights[label]!, 0)).toBeCloseTo(8, 9);
    }
    expect(balancedClassWeights(labels, 0)[0]).toBe(1);
  });
});

describe('augmentBatch', () => {
  const set = tinySet(tinyRows(3)); // 21 faces
  const plan: BatchPlan = { batchSize: 7, seed: 5, augmentation: DEFAULT_AUGMENTATION, labelSmoothing: 0.1 };
  const order = shuffledOrder(set.count, plan.seed, 2);
  const batch = (change: Partial<BatchPlan> = {}, index = 1, epoch = 2) =>
    augmentBatch(set, order, { ...plan, ...change }, epoch, index);
  const input = (x: Float32Array, k: number) => x.subarray(k * FACE_PIXELS, (k + 1) * FACE_PIXELS);
  const target = (y: Float32Array, k: number) => [...y.subarray(k * 7, (k + 1) * 7)];

  it('gives normalised inputs: mean 0 and a standard deviation just below 1', () => {
    const { x } = batch({ augmentation: { ...DEFAULT_AUGMENTATION, erasing: 0 } });
    for (let k = 0; k < 7; k++) {
      const values = input(x, k);
      const mean = values.reduce((sum, v) => sum + v, 0) / FACE_PIXELS;
      const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / FACE_PIXELS);
      expect(mean).toBeCloseTo(0, 5);
      expect(deviation).toBeGreaterThan(0.6);
      expect(deviation).toBeLessThan(1);
    }
  });

  it('makes a sample the same whatever the batch size around it', () => {
    const sevens = batch({}, 1);
    const ones = augmentBatch(set, order, { ...plan, batchSize: 1 }, 2, 9);
    expect(ones.x).toEqual(input(sevens.x, 2));
    expect([...ones.y]).toEqual(target(sevens.y, 2));
  });

  it('erases to the mean of the crop, and nothing outside of the rectangle', () => {
    const augmentation = {
      ...DEFAULT_AUGMENTATION,
      flip: 0,
      rotation: 0,
      scale: 0,
      shift: 0,
      contrast: 0,
      brightness: 0,
    };
    const { x } = batch({ augmentation: { ...augmentation, erasing: 1 } });
    const whole = batch({ augmentation: { ...augmentation, erasing: 0 } }).x;
    for (let k = 0; k < 7; k++) {
      let erased = 0;
      for (let p = k * FACE_PIXELS; p < (k + 1) * FACE_PIXELS; p++) {
        if (x[p] === 0) erased++;
        else expect(x[p]).toBe(whole[p]);
      }
      expect(erased / FACE_PIXELS).toBeGreaterThan(0.015);
      expect(erased / FACE_PIXELS).toBeLessThan(0.4);
    }
  });

  it("moves a sample's target towards its teacher's answer, as far as is asked, and weighs both", () => {
    const teacher = Float32Array.from({ length: set.count * 7 }, (_, k) => ((k % 7) + 1) / 28);
    const classWeights = [1, 2, 3, 4, 5, 6, 7];
    const taught = augmentBatch({ ...set, teacher }, order, { ...plan, classWeights, teacherWeight: 0.6 }, 2, 1);
    const plain = batch({ classWeights });
    expect(taught.x).toEqual(plain.x);
    for (let k = 0; k < 7; k++) {
      const weight = classWeights[set.labels[order[7 + k]!]!]!;
      target(taught.y, k).forEach((value, c) => {
        expect(value).toBeCloseTo(0.4 * target(plain.y, k)[c]! + (0.6 * weight * (c + 1)) / 28, 5);
      });
    }
  });

  it("weighs a sample's target by its class", () => {
    const classWeights = [1, 2, 3, 4, 5, 6, 7];
    const { y } = batch({ classWeights });
    for (let k = 0; k < 7; k++) {
      const label = set.labels[order[7 + k]!]!;
      const sum = target(y, k).reduce((total, v) => total + v, 0);
      expect(sum).toBeCloseTo(classWeights[label]!, 5);
      expect(y[k * 7 + label]).toBeCloseTo(classWeights[label]! * (0.9 + 0.1 / 7), 5);
    }
  });
});
