import { centreOf, type Point, type Rectangle, type Size } from '../faces/box.ts';

/** How far away a label may go, in heights of the label, and in how many directions. */
const DISTANCES = [0.6, 1.2, 2, 3, 4.5, 6.5];
const DIRECTIONS = 16;
/** Where in its box a label may lie, as shares of the room to the right and down. The eyes and the mouth are in the middle. */
const WITHIN = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
  [0.5, 1],
  [0.5, 0],
  [0, 0.5],
  [1, 0.5],
] as const;

/**
 * Top left corners of a label's places at its face's box, the most usual first: above, below, beside, on the edge of the face's own
 * forehead or chin, then within the box, where no neighbour's box is touched however close it is.
 * @param gap pixels between a box and its label
 */
export function placesBeside(face: Rectangle, label: Size, gap: number): Point[] {
  const left = face.x - gap;
  const right = face.x + face.width + gap - label.width;
  const middle = (left + right) / 2;
  const above = face.y - gap - label.height;
  const below = face.y + face.height + gap;
  const columns = [left, middle, right];
  const beside = [face.x + face.width + gap, face.x - gap - label.width];
  const rows = [face.y, face.y + face.height - label.height, face.y + (face.height - label.height) / 2];
  return [
    ...columns.map((x) => ({ x, y: above })),
    ...columns.map((x) => ({ x, y: below })),
    ...beside.flatMap((x) => rows.map((y) => ({ x, y }))),
    ...[face.y - gap, below - 2 * gap - label.height].flatMap((y) => columns.map((x) => ({ x, y }))),
    ...placesWithin(face, label, gap),
  ];
}

/** Top left corners of a label within its face's box: at the four corners, then at the middle of each side, and off the lines of the box. */
function placesWithin(face: Rectangle, label: Size, gap: number): Point[] {
  const room = { width: face.width - label.width - 2 * gap, height: face.height - label.height - 2 * gap };
  if (room.width < 0 || room.height < 0) return [];
  const [x, y] = [face.x + gap, face.y + gap];
  return WITHIN.map(([across, down]) => ({ x: x + across * room.width, y: y + down * room.height }));
}

/** Top left corners of a label's places around a face, the closest first. */
export function placesAway(face: Rectangle, label: Size): Point[] {
  const centre = centreOf(face);
  return DISTANCES.flatMap((distance) =>
    Array.from({ length: DIRECTIONS }, (_, k) => {
      const angle = (2 * Math.PI * (k + 0.5)) / DIRECTIONS;
      const [x, y] = [Math.cos(angle), Math.sin(angle)];
      // Far enough that box and label are `distance` label heights apart, sideways or up and down.
      const [wide, high] = [(face.width + label.width) / 2, (face.height + label.height) / 2];
      const away = distance * label.height;
      const far = Math.min((wide + away) / Math.abs(x), (high + away) / Math.abs(y));
      return { x: centre.x + far * x - label.width / 2, y: centre.y + far * y - label.height / 2 };
    }),
  );
}
