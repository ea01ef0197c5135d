import { describe, expect, it } from 'vitest';
import type { Rectangle } from '../../src/photo/faces/box.ts';
import { inReadingOrder } from '../../src/photo/reading-order.ts';

/** A face of 40 x 40 around a centre. */
const at = (x: number, y: number, side = 40) => ({ x: x - side / 2, y: y - side / 2, width: side, height: side });

/** The faces as they were given, in any other order. */
function shuffled<Face>(faces: readonly Face[]): Face[] {
  return [...faces.filter((_, k) => k % 3 === 1), ...faces.filter((_, k) => k % 3 !== 1).reverse()];
}

/** Rows of faces: their number, how far apart, and how much lower each is than the one to its left. */
function rows(counts: readonly number[], options: { apart: number; down: number; slope?: number; jitter?: number }) {
  const { apart, down, slope = 0, jitter = 0 } = options;
  return counts.flatMap((count, row) =>
    Array.from({ length: count }, (_, k) => {
      // Every other row stands between the ones before it.
      const x = 100 + k * apart + (row % 2) * (apart / 2);
      return at(x, 100 + row * down + slope * x + jitter * [0, 1, -1, 0.5][(k + row) % 4]!);
    }),
  );
}

describe('inReadingOrder', () => {
  it.each<[string, Rectangle[]]>([
    ['people in a row, whatever their heights', [at(50, 60), at(110, 95), at(170, 50), at(230, 80)]],
    ['one above the other', [at(50, 20), at(50, 90)]],
    ['two rows', rows([4, 3], { apart: 80, down: 60, jitter: 10 })],
    ['a grid', rows([8, 8, 8, 8], { apart: 60, down: 55 })],
    ['rows that slope more than they are apart', rows([9, 8, 9], { apart: 70, down: 60, slope: 0.1, jitter: 4 })],
    ['rows that slope the other way', rows([9, 8, 9], { apart: 70, down: 60, slope: -0.1, jitter: 4 })],
    [
      'a row of small faces behind large ones',
      [...[60, 100, 140, 180].map((x) => at(x, 30, 20)), at(80, 70, 60), at(160, 75, 60)],
    ],
    ['somebody in the middle of the second row', [at(50, 50), at(110, 52), at(170, 48), at(110, 110)]],
    ['nobody', []],
    ['one', [at(9, 9)]],
  ])('follows %s', (_, faces) => {
    expect(inReadingOrder(shuffled(faces))).toEqual(faces);
  });

  it('keeps each face once, however they lie', () => {
    const faces = Array.from({ length: 200 }, (_, k) => at((k * 131) % 1000, (k * 97) % 700, 20 + (k % 7) * 5));
    const ordered = inReadingOrder(faces);
    expect(ordered).toHaveLength(200);
    expect(new Set(ordered)).toEqual(new Set(faces));
  });
});
