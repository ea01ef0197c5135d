import { describe, expect, it } from 'vitest';
import { EMOTIONS } from '../../../src/emotion/labels.ts';
import { contrast, EMOTION_COLOURS, inkOn } from '../../../src/photo/picture/colours.ts';

const ALL = [...EMOTIONS, 'unsure'] as const;

/** How people without one kind of cone see a colour: matrices on linear RGB by Viénot, Brettel & Mollon (1999). */
const DICHROMATS = {
  protanopia: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  deuteranopia: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
};

/** CIE L*a*b* (D65) of linear RGB. */
function lab([r, g, b]: number[]): number[] {
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r! + 0.3576 * g! + 0.1805 * b!) / 0.9505);
  const y = f(0.2126 * r! + 0.7152 * g! + 0.0722 * b!);
  const z = f((0.0193 * r! + 0.1192 * g! + 0.9505 * b!) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function linear(colour: string): number[] {
  return [1, 3, 5].map((at) => (Number.parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
}

describe('EMOTION_COLOURS', () => {
  it.each(Object.entries(DICHROMATS))('can be told apart with %s', (_, matrix) => {
    const seen = ALL.map((emotion) => {
      const colour = linear(EMOTION_COLOURS[emotion]);
      return lab(matrix.map((row) => row.reduce((sum, weight, k) => sum + weight * colour[k]!, 0)));
    });
    for (let a = 0; a < seen.length; a++) {
      for (let b = 0; b < a; b++) {
        const distance = Math.hypot(...seen[a]!.map((value, k) => value - seen[b]![k]!));
        expect(distance, `${ALL[a]} and ${ALL[b]}`).toBeGreaterThan(10);
      }
    }
  });

  it.each(ALL)('%s carries its ink with the contrast that WCAG asks of text', (emotion) => {
    const colour = EMOTION_COLOURS[emotion];
    expect(contrast(colour, inkOn(colour))).toBeGreaterThanOrEqual(4.5);
  });
});

it('contrast is 21 between black and white and 1 between equals, in any order', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#ffffff', '#000000')).toBeCloseTo(21, 5);
  expect(contrast('#1234ab', '#1234ab')).toBe(1);
});
