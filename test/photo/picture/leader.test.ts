import { describe, expect, it } from 'vitest';
import { crosses, type Line, leaderOf, lengthOf, meet } from '../../../src/photo/picture/leader.ts';

const line = (fromX: number, fromY: number, toX: number, toY: number): Line => [
  { x: fromX, y: fromY },
  { x: toX, y: toY },
];
const box = { x: 10, y: 10, width: 10, height: 10 };

describe('a line to a face', () => {
  it('is the shortest from one box to the other', () => {
    expect(leaderOf({ x: 40, y: 12, width: 20, height: 4 }, box)).toEqual(line(40, 14, 20, 14));
    const corner = leaderOf({ x: 23, y: 24, width: 20, height: 4 }, box);
    expect(corner).toEqual(line(23, 24, 20, 20));
    expect(lengthOf(corner)).toBe(5);
  });

  it.each<[string, Line, boolean]>([
    ['goes through it', line(0, 15, 30, 15), true],
    ['goes through it from corner to corner', line(0, 0, 30, 30), true],
    ['cuts a corner of it off', line(9, 13, 13, 9), true],
    ['barely enters it', line(0, 15, 10.5, 15), true],
    ['begins in it', line(15, 15, 15, 40), true],
    ['ends before it', line(0, 15, 9, 15), false],
    ['ends at its edge', line(0, 15, 10, 15), false],
    ['passes beside it, level', line(0, 25, 30, 25), false],
    ['passes beside it, upright', line(5, 0, 5, 30), false],
    ['runs along its edge', line(0, 10, 30, 10), false],
    ['passes a corner of it', line(0, 19, 11, 30), false],
  ])('that %s: %j', (_, one, isThrough) => {
    expect(crosses(one, box)).toBe(isThrough);
    expect(crosses([one[1], one[0]], box)).toBe(isThrough);
  });

  it('meets another that lies across it', () => {
    expect(meet(line(0, 0, 10, 10), line(0, 10, 10, 0))).toBe(true);
    expect(meet(line(0, 0, 10, 10), line(0, 10, 4, 6))).toBe(false);
    expect(meet(line(0, 0, 10, 10), line(1, 0, 11, 10))).toBe(false);
  });
});
