import { expect, test } from 'vitest';
import { Random } from '../../../src/base/random.ts';
import { FACE_PIXELS, FACE_SIZE } from '../../../src/emotion/labels.ts';
import { applyTone, drawTone, type Tone } from '../../../src/training/run/tone.ts';

const NONE: Tone = { gamma: 1, shade: 0, shadeAngle: 0, resolution: FACE_SIZE, blur: 0, noise: 0 };

/** A crop with smooth and fine detail, 0.1..0.9. */
function crop(): Float32Array {
  return Float32Array.from({ length: FACE_PIXELS }, (_, p) => {
    const [x, y] = [p % FACE_SIZE, Math.floor(p / FACE_SIZE)];
    return 0.5 + 0.2 * Math.sin(x / 7) + 0.15 * Math.cos(y / 5) + 0.05 * ((x + y) % 2 === 0 ? 1 : -1);
  });
}

function changed(tone: Partial<Tone>, seed = 1): Float32Array {
  const x = crop();
  applyTone(x, 0, { ...NONE, ...tone }, new Random(seed));
  return x;
}

const mean = (x: Float32Array) => x.reduce((a, b) => a + b) / x.length;
/** Mean difference of neighbours: how much fine detail there is. */
const detail = (x: Float32Array) => {
  let sum = 0;
  for (let p = 1; p < x.length; p++) sum += Math.abs(x[p]! - x[p - 1]!);
  return sum / x.length;
};

test('strength 0 leaves a crop as it is', () => {
  const x = crop();
  applyTone(x, 0, drawTone(new Random(5), 0), new Random(5));
  x.forEach((value, p) => {
    expect(value).toBeCloseTo(crop()[p]!, 6);
  });
});

test('changes only the crop at its offset, and derives from the keys alone', () => {
  const two = new Float32Array(2 * FACE_PIXELS).fill(0.5);
  two.set(crop(), FACE_PIXELS);
  const random = () => new Random(9, 9);
  applyTone(two, FACE_PIXELS, drawTone(new Random(3), 1), random());
  expect(two.subarray(0, FACE_PIXELS).every((value) => value === 0.5)).toBe(true);
  const again = crop();
  applyTone(again, 0, drawTone(new Random(3), 1), random());
  expect(two.subarray(FACE_PIXELS)).toEqual(again);
});

test('gamma keeps order and lightens below 1, darkens above', () => {
  expect(mean(changed({ gamma: 0.5 }))).toBeGreaterThan(mean(crop()) + 0.1);
  expect(mean(changed({ gamma: 2 }))).toBeLessThan(mean(crop()) - 0.1);
  const before = crop();
  const after = changed({ gamma: 2 });
  for (let p = 1; p < FACE_PIXELS; p++) expect(after[p]! > after[p - 1]!).toBe(before[p]! > before[p - 1]!);
});

test('light comes from the side that its angle says', () => {
  const plain = crop();
  const ratio = (x: Float32Array, p: number) => x[p]! / plain[p]!;
  const middle = 24 * FACE_SIZE;
  const right = changed({ shade: 0.4, shadeAngle: 0 });
  expect(ratio(right, middle + 47)).toBeCloseTo(1.39, 1);
  expect(ratio(right, middle)).toBeCloseTo(0.61, 1);
  const below = changed({ shade: 0.4, shadeAngle: Math.PI / 2 });
  expect(ratio(below, 24)).toBeCloseTo(0.61, 1);
  expect(ratio(below, middle)).toBeCloseTo(1, 1);
});

test('a lower resolution and blur take detail away and keep the mean', () => {
  for (const tone of [{ resolution: 24 }, { resolution: 14 }, { resolution: 37 }, { blur: 1 }]) {
    const x = changed(tone);
    expect(detail(x), JSON.stringify(tone)).toBeLessThan(0.8 * detail(crop()));
    expect(mean(x), JSON.stringify(tone)).toBeCloseTo(mean(crop()), 2);
  }
  // What is smooth stays where it is.
  const smooth = Float32Array.from({ length: FACE_PIXELS }, (_, p) => 0.2 + (0.6 * (p % FACE_SIZE)) / FACE_SIZE);
  const x = smooth.slice();
  applyTone(x, 0, { ...NONE, resolution: 20 }, new Random(1));
  for (let p = 100; p < 140; p++) expect(x[p]!).toBeCloseTo(smooth[p]!, 1);
});

test('noise has the deviation asked for, and nothing leaves 0..1', () => {
  const gray = new Float32Array(FACE_PIXELS).fill(0.5);
  applyTone(gray, 0, { ...NONE, noise: 0.05 }, new Random(2));
  const deviation = Math.sqrt(mean(gray.map((value) => (value - 0.5) ** 2)));
  expect(deviation).toBeCloseTo(0.05, 2);
  for (let seed = 0; seed < 40; seed++) {
    const x = crop();
    applyTone(x, 0, drawTone(new Random(seed), 1), new Random(seed, 1));
    for (const value of x) expect(value >= 0 && value <= 1).toBe(true);
  }
});

test('random tones stay within bounds that grow with the strength', () => {
  const drawn = (strength: number) => Array.from({ length: 400 }, (_, seed) => drawTone(new Random(seed, 4), strength));
  for (const { gamma, shade, resolution, blur, noise } of drawn(1)) {
    expect(gamma).toBeGreaterThan(0.4 - 1e-6);
    expect(gamma).toBeLessThan(2.5 + 1e-6);
    expect(shade).toBeLessThanOrEqual(0.6);
    expect(resolution >= 14 && resolution <= FACE_SIZE).toBe(true);
    expect(blur >= 0 && blur <= 1 && noise >= 0 && noise <= 0.06).toBe(true);
  }
  const often = (strength: number) => drawn(strength).filter(({ shade }) => shade > 0).length;
  expect(often(1)).toBeGreaterThan(1.5 * often(0.5));
  expect(Math.max(...drawn(0.5).map(({ gamma }) => gamma))).toBeLessThan(1.59);
});

test('random tones at full strength: how strong they are, and how many crops they change', () => {
  const drawn = Array.from({ length: 5000 }, (_, k) => drawTone(new Random(k), 1));
  const range = (of: (tone: Tone) => number, among = drawn) => [Math.min(...among.map(of)), Math.max(...among.map(of))];
  const share = (of: (tone: Tone) => boolean) => drawn.filter(of).length / drawn.length;
  const [darkest, lightest] = range(({ gamma }) => Math.log(gamma));
  expect(darkest).toBeCloseTo(-Math.log(2.5), 1);
  expect(lightest).toBeCloseTo(Math.log(2.5), 1);
  expect(share(({ shade }) => shade > 0)).toBeCloseTo(0.4, 1);
  expect(share(({ resolution }) => resolution < FACE_SIZE)).toBeCloseTo(0.3, 1);
  expect(share(({ blur }) => blur > 0)).toBeCloseTo(0.3, 1);
  expect(share(({ noise }) => noise > 0)).toBeCloseTo(0.3, 1);
  expect(range(({ resolution }) => resolution)).toEqual([14, FACE_SIZE]);
  expect(range(({ shade }) => shade)[1]).toBeCloseTo(0.6, 1);
  expect(range(({ noise }) => noise)[1]).toBeCloseTo(0.06, 2);
  // At half the strength half as many, and gamma half as far.
  const half = Array.from({ length: 5000 }, (_, k) => drawTone(new Random(k), 0.5));
  expect(half.filter(({ blur }) => blur > 0).length / half.length).toBeCloseTo(0.15, 1);
  expect(range(({ gamma }) => Math.log(gamma), half)[1]).toBeCloseTo(Math.log(2.5) / 2, 1);
});
