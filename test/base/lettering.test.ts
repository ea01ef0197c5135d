import { describe, expect, it } from 'vitest';
import { capHeight, textOutline, textWidth } from '../../src/base/lettering.ts';

const WORDS = [
  'angry',
  'disgust',
  'fear',
  'happy',
  'sad',
  'surprise',
  'neutral',
  'unsure: sad or fear',
  '0123456789 %',
];

/** Horizontal and vertical extent of a path's coordinates; control points lie at most a little outside the outline. */
function extent(path: string): { left: number; right: number; top: number; bottom: number } {
  const numbers = path.match(/-?\d+\.\d+/g)!.map(Number);
  const xs = numbers.filter((_, k) => k % 2 === 0);
  const ys = numbers.filter((_, k) => k % 2 === 1);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

describe('textOutline', () => {
  it.each(WORDS)('draws %s where it was asked to', (word) => {
    const { left, right, top, bottom } = extent(textOutline(word, 30, 100, 40));
    expect(left).toBeGreaterThanOrEqual(29);
    expect(right).toBeLessThanOrEqual(30 + textWidth(word, 40) + 1);
    expect(top).toBeGreaterThan(100 - 40);
    expect(bottom).toBeLessThan(100 + 14);
  });

  it('writes path data that every renderer reads, wherever the text stands', () => {
    for (let x = 0; x < 1600; x += 0.73) {
      expect(textOutline('88 %', x, 430, 44.444)).toMatch(/^([MLQC](-?\d+\.\d\d ?)+|Z)+$/);
    }
  });

  it('draws nothing for no text', () => {
    expect(textOutline('', 0, 0, 20)).toBe('');
    expect(textWidth('', 20)).toBe(0);
  });
});

it('capHeight is that of a capital letter', () => {
  const { top } = extent(textOutline('H', 0, 100, 50));
  expect(capHeight(50)).toBeCloseTo(100 - top, 0);
});
