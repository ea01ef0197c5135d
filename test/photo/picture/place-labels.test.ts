import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/base/random.ts';
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

/** By how many pixels two rectangles overlap: how far one would have to move. Negative where they are apart. */
function depthOf(one: Rectangle, other: Rectangle): number {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return Math.min(across, down);
}

/** Whether a label is as close to another's box as to its own, and runs along it for longer. */
function isTakenFor(place: Rectangle, own: Rectangle, other: Rectangle): boolean {
  const along = (box: Rectangle) =>
    Math.max(
      Math.min(place.x + place.width, box.x + box.width) - Math.max(place.x, box.x),
      Math.min(place.y + place.height, box.y + box.height) - Math.max(place.y, box.y),
    );
  return -depthOf(place, other) <= -depthOf(place, own) + 5 && along(other) > 1.5 * along(own);
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

  it('leads a line to its box from a label that has room over somebody else’s box only', () => {
    // The second's label has room at its right, above the third's box, where it would be taken for theirs.
    const close = [
      { x: 280, y: 3, width: 389, height: 313 },
      { x: 624, y: 4, width: 320, height: 300 },
      { x: 1004, y: 30, width: 256, height: 256 },
      { x: 664, y: 330, width: 290, height: 288 },
    ];
    const chip = { width: 145, height: 26 };
    const labels = close.map(() => [chip]);
    const { places } = placeLabels({ width: 1280, height: 960 }, close, labels, { gap: 6 })!;
    for (const [k, own] of places.entries()) {
      const others = close.filter((_, of) => of !== k);
      const isClear = own.leader !== undefined || !others.some((other) => isTakenFor(own, close[k]!, other));
      expect(isClear, `${k}`).toBe(true);
    }
  });

  it.each([
    [5, 4, 1],
    [6, 5, 2],
    [9, 6, 3],
    [10, 3, 4],
  ])(
    'neither lays a label on a neighbour’s box without a line to its own, nor on a label: %i x %i',
    (columns, rows, seed) => {
      // A collage without room between its pictures: some boxes are as large as their picture, or larger.
      const random = new Random(seed);
      const cell = 1600 / columns;
      const picture = { width: 1600, height: cell * rows };
      const collage = Array.from({ length: columns * rows }, (_, k) => {
        const side = cell * random.between(0.8, 1.2);
        const [x, y] = [(k % columns) * cell, Math.floor(k / columns) * cell];
        const jitter = () => random.between(0, 1) * (cell - side);
        const left = Math.max(0, x + jitter());
        const top = Math.max(0, y + jitter());
        return { x: left, y: top, width: Math.min(side, 1600 - left), height: Math.min(side, picture.height - top) };
      });
      const chip = { width: 24, height: 22 };
      const labels = collage.map(() => [chip]);
      const { places } = placeLabels(picture, collage, labels, { gap: 7.5 })!;
      for (const [k, own] of places.entries()) {
        for (const other of places.slice(0, k)) expect(depthOf(own, other), `${k + 1} on a label`).toBeLessThan(3);
        if (own.leader !== undefined) continue;
        for (const [of, box] of collage.entries()) {
          if (of !== k) expect(depthOf(own, box), `${k + 1} on the box of ${of + 1}`).toBeLessThanOrEqual(3);
        }
      }
    },
  );

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
