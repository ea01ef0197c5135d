import { describe, expect, it } from 'vitest';
import { type Rectangle, sharedArea } from '../../../src/photo/faces/box.ts';
import { type Placed, placeLabels } from '../../../src/photo/picture/place-labels.ts';

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
    { gap: GAP },
  )!;
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

  const crowd = Array.from({ length: 30 }, (_, k) => face((k % 6) * 105, Math.floor(k / 6) * 96, 70));
  const wide = { width: 220, height: 40 };
  const small = { width: 24, height: 20 };

  it('takes a smaller version before it covers what it should not, and says how much is covered otherwise', () => {
    expect(place(crowd, [wide]).worstCover).toBeGreaterThan(0.3);
    const { places, worstCover } = place(crowd, [wide, small]);
    expect(worstCover).toBeLessThan(0.05);
    expect(places.some((one) => one.label === small)).toBe(true);
  });

  it('gives no layout where a label would cover more than it may', () => {
    const labels = crowd.map(() => [wide]);
    expect(placeLabels(canvas, crowd, labels, { gap: GAP, mostCover: 0.3 })).toBeUndefined();
    expect(placeLabels(canvas, crowd.slice(0, 2), labels.slice(0, 2), { gap: GAP, mostCover: 0.3 })).toBeDefined();
  });

  it('leads a line to the box of a face that has others on all sides', () => {
    // Three by three, closer than a label is high, with room around them.
    const close = Array.from({ length: 9 }, (_, k) => face(200 + (k % 3) * 84, 100 + Math.floor(k / 3) * 84));
    const { places, worstCover } = place(close);
    // Labels may cover less than a connecting line is worth.
    expect(worstCover).toBeLessThanOrEqual(0.02);
    const [from, to] = places[4]!.leader!;
    const middle = close[4]!;
    const onEdge = (at: { x: number; y: number }, box: Rectangle) =>
      Math.max(box.x - at.x, at.x - box.x - box.width, box.y - at.y, at.y - box.y - box.height);
    expect(onEdge(from, places[4]!)).toBeCloseTo(0);
    expect(onEdge(to, middle)).toBeCloseTo(0);
    // Those at the sides have room beside their boxes.
    expect(places[0]!.leader).toBeUndefined();
  });

  it('takes a shorter version, or a more distant place, rather than lie along somebody else’s box', () => {
    // Three in a row, as far apart as a label is high and each a little lower: a long label above the first runs along all of them.
    const [long, short] = [
      { width: 270, height: 24 },
      { width: 80, height: 24 },
    ];
    const row = [face(200, 200), face(304, 206), face(408, 212)];
    const { places } = place(row, [long, short]);
    for (const [k, own] of places.entries()) {
      for (const other of row.filter((_, of) => of !== k)) {
        const along = Math.min(own.x + own.width, other.x + other.width) - Math.max(own.x, other.x);
        const apart = Math.max(other.y - own.y - own.height, own.y - other.y - other.height);
        expect(along > own.height && apart < own.height, `${k} beside another's box`).toBe(false);
      }
    }
  });

  it('keeps a label where it was in the picture before', () => {
    const before = { x: 90, y: 30 };
    const options = { gap: GAP, before: [before, undefined] };
    const faces = [face(200, 200), face(400, 300)];
    const { places } = placeLabels(canvas, faces, [[label], [label]], options)!;
    expect(places[0]).toMatchObject({ x: 290, y: 230 });
    expect(places[1]).toEqual(place(faces).places[1]);
  });

  it('skips versions that are wider than the picture', () => {
    const narrow = { width: 60, height: 400 };
    const { places } = placeLabels(narrow, [face(5, 100, 40)], [[label, { width: 50, height: 20 }]], { gap: GAP })!;
    expect(places[0]!.width).toBe(50);
    expect(isInside(places[0]!, narrow)).toBe(true);
  });

  it('gives no places for no faces', () => {
    expect(place([])).toEqual({ places: [], worstCover: 0 });
  });
});
