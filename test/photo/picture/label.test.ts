import { describe, expect, it } from 'vitest';
import { type Rectangle, sharedArea } from '../../../src/photo/faces/box.ts';
import { type Placed, placeLabels } from '../../../src/photo/picture/label.ts';

const canvas = { width: 640, height: 480 };
const label = { width: 100, height: 24 };
const GAP = 3;

function face(x: number, y: number, side = 80): Rectangle {
  return { x, y, width: side, height: side };
}

function place(faces: Rectangle[], versions = [label]) {
  return placeLabels(
    canvas,
    faces,
    faces.map(() => versions),
    GAP,
  );
}

function isInside({ x, y, width, height }: Placed<typeof label>, { width: w, height: h } = canvas): boolean {
  return x >= 0 && y >= 0 && x + width <= w && y + height <= h;
}

describe('placeLabels', () => {
  it('puts a label above its face, flush left', () => {
    expect(place([face(200, 200)]).places).toEqual([{ label, x: 197, y: 173, width: 100, height: 24 }]);
  });

  it('puts it below where there is no room above', () => {
    const [only] = place([face(200, 5)]).places;
    expect(only!.y).toBe(5 + 80 + GAP);
  });

  it.each([
    [0, 0],
    [560, 0],
    [0, 400],
    [560, 400],
    [-30, 200],
    [600, 200],
  ])('keeps the label of a face at %i, %i inside the picture and off the face', (x, y) => {
    const { places, worstCover } = place([face(x, y)]);
    expect(isInside(places[0]!)).toBe(true);
    expect(sharedArea(places[0]!, face(x, y))).toBe(0);
    expect(worstCover).toBe(0);
  });

  it('stays inside when the face is the whole picture', () => {
    const { places } = place([{ x: 0, y: 0, width: 640, height: 480 }]);
    expect(isInside(places[0]!)).toBe(true);
  });

  it('keeps off other faces and labels in a row of people', () => {
    const row = Array.from({ length: 7 }, (_, k) => face(5 + k * 90, 200 + (k % 2) * 30));
    const { places, worstCover } = place(row);
    expect(worstCover).toBe(0);
    for (const [k, own] of places.entries()) {
      expect(isInside(own)).toBe(true);
      for (const other of row) expect(sharedArea(own, other)).toBe(0);
      for (const other of places.slice(0, k)) expect(sharedArea(own, other)).toBe(0);
    }
  });

  it('takes a smaller version before it covers what it should not, and says how much is covered otherwise', () => {
    const crowd = Array.from({ length: 30 }, (_, k) => face((k % 6) * 105, Math.floor(k / 6) * 96, 70));
    const wide = { width: 220, height: 40 };
    const small = { width: 24, height: 20 };
    expect(place(crowd, [wide]).worstCover).toBeGreaterThan(0.3);
    const { places, worstCover } = place(crowd, [wide, small]);
    expect(worstCover).toBeLessThan(0.3);
    expect(places.some((one) => one.label === small)).toBe(true);
  });

  it('passes over versions wider than the picture', () => {
    const narrow = { width: 60, height: 400 };
    const { places } = placeLabels(narrow, [face(5, 100, 40)], [[label, { width: 50, height: 20 }]], GAP);
    expect(places[0]!.width).toBe(50);
    expect(isInside(places[0]!, narrow)).toBe(true);
  });

  it('gives no places for no faces', () => {
    expect(place([])).toEqual({ places: [], worstCover: 0 });
  });
});
