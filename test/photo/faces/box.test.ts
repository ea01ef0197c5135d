import { describe, expect, it } from 'vitest';
import {
  groupByFace,
  overlap,
  type Rectangle,
  SAME_PLACE,
  sharedArea,
  showSameFace,
  toBox,
  toCopy,
  toSquare,
  turnedSize,
  wayBack,
} from '../../../src/photo/faces/box.ts';

const box = (x: number, y: number, width: number, height = width): Rectangle => ({ x, y, width, height });

describe('overlap', () => {
  it('is the shared area as a part of both together, and of the smaller one', () => {
    expect(sharedArea(box(0, 0, 10), box(5, 5, 10))).toBe(25);
    expect(overlap(box(0, 0, 10), box(5, 0, 10))).toEqual({ union: 1 / 3, ofSmaller: 0.5 });
    expect(overlap(box(0, 0, 10), box(2, 2, 5))).toEqual({ union: 0.25, ofSmaller: 1 });
    expect(overlap(box(0, 0, 10), box(10, 0, 10))).toEqual({ union: 0, ofSmaller: 0 });
  });
});

describe('showSameFace', () => {
  it('says so of boxes that share more than three tenths', () => {
    expect(SAME_PLACE).toBe(0.3);
    expect(showSameFace(box(0, 0, 100), box(52, 0, 100))).toBe(true);
    expect(showSameFace(box(0, 0, 100), box(56, 0, 100))).toBe(false);
  });

  it('says so of a box of which more than seven tenths lie within the other', () => {
    expect(showSameFace(box(0, 0, 100), box(72, 30, 40))).toBe(false);
    expect(showSameFace(box(0, 0, 100), box(71, 30, 40))).toBe(true);
  });
});

describe('groupByFace', () => {
  it('puts each item with the group that it is closest to, the first of equals', () => {
    const closeness = (first: number, item: number) => Math.max(0, 10 - Math.abs(first - item));
    expect(groupByFace([0, 12, 8, 6, 40], closeness)).toEqual([[0, 6], [12, 8], [40]]);
    expect(groupByFace([0, 20, 1, 19], () => 0)).toEqual([[0], [20], [1], [19]]);
    expect(groupByFace([], closeness)).toEqual([]);
  });

  it('goes by the first of a group only', () => {
    expect(groupByFace([0, 8, 16], (first, item) => (item - first < 10 ? 1 : 0))).toEqual([[0, 8], [16]]);
  });
});

describe('the ways from one shape to another', () => {
  it('a square becomes the upright box around it', () => {
    expect(toBox({ centreX: 50, centreY: 40, side: 20 })).toEqual(box(40, 30, 20));
  });

  it('a box keeps its place in a smaller copy, whatever else it says', () => {
    const picture = { width: 200, height: 100 };
    const copy = { width: 100, height: 25 };
    expect(toCopy({ ...box(40, 20, 10), score: 7 }, picture, copy)).toEqual({ ...box(20, 5, 5, 2.5), score: 7 });
  });

  it('the network’s box becomes a smaller square that lies higher, along the lean of the head', () => {
    expect(toSquare({ centreX: 100, centreY: 100, height: 100 }, 0)).toEqual({ centreX: 100, centreY: 87, side: 92 });
    const onItsSide = toSquare({ centreX: 100, centreY: 100, height: 100 }, 90);
    expect(onItsSide.centreX).toBeCloseTo(113);
    expect(onItsSide.centreY).toBeCloseTo(100);
  });

  it('a turned picture needs a larger canvas, and its points find their way back', () => {
    const size = turnedSize({ width: 40, height: 20 }, 90);
    expect([size.width, size.height]).toEqual([expect.closeTo(20), expect.closeTo(40)]);
    const turn = { angle: 90, from: { x: 10, y: 20 }, to: { x: 20, y: 10 } };
    // What is at the top of the turned picture is on the right of the picture: there is the top of a head that leans clockwise.
    const top = wayBack(turn)(10, 0);
    expect([top.x, top.y]).toEqual([expect.closeTo(40), expect.closeTo(10)]);
    const left = wayBack(turn)(0, 20);
    expect([left.x, left.y]).toEqual([expect.closeTo(20), expect.closeTo(0)]);
    const mirrored = wayBack({ ...turn, mirrored: true })(0, 20);
    expect([mirrored.x, mirrored.y]).toEqual([expect.closeTo(20), expect.closeTo(20)]);
  });
});
