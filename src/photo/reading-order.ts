import { centreOf, type Point, type Rectangle } from './faces/box.ts';

/** Two neighbours are in the same row if their centres' heights differ by no more than this share of a face's height. */
const SAME_ROW = 0.7;
/** People who all stand beside one another are one row if their faces' centres differ by no more than this many face heights. */
const ONE_ROW = 1.5;
/** Two faces stand beside one another if they overlap by no more than this share of the narrower one's width. */
const BESIDE = 0.25;
/** The next face of a row is looked for at the mean height of this many faces at its end: rows in a photo are seldom level. */
const ROW_END = 2;

/**
 * Faces in reading order: row by row from the top, each from left to right. Rows are found from the boxes alone. They may slope, as they
 * do where a group is not photographed straight from the front.
 */
export function inReadingOrder<Face extends Rectangle>(faces: readonly Face[]): Face[] {
  const fromLeft = byPlace(faces, ({ x }) => x);
  if (isOneRow(fromLeft)) return fromLeft;
  const left = new Set(byPlace(faces, ({ y }) => y));
  const rows: Face[][] = [];
  for (const highest of left) {
    left.delete(highest);
    const row = [highest];
    for (let next = neighbour(row, left, 1); next; next = neighbour(row, left, 1)) {
      left.delete(next);
      row.push(next);
    }
    row.reverse();
    for (let next = neighbour(row, left, -1); next; next = neighbour(row, left, -1)) {
      left.delete(next);
      row.push(next);
    }
    rows.push(row.reverse());
  }
  const height = (row: readonly Face[]) => mean(row.map((face) => centreOf(face).y));
  return rows.sort((a, b) => height(a) - height(b)).flat();
}

/** Sorts faces by one coordinate of their centres. Of equal ones the upper comes first, then the one further left. */
function byPlace<Face extends Rectangle>(faces: readonly Face[], side: (centre: Point) => number): Face[] {
  const centres = new Map(faces.map((face) => [face, centreOf(face)]));
  return [...faces].sort((one, other) => {
    const [a, b] = [centres.get(one)!, centres.get(other)!];
    return side(a) - side(b) || a.y - b.y || a.x - b.x;
  });
}

/** @param faces from left to right */
function isOneRow(faces: readonly Rectangle[]): boolean {
  const heights = faces.map((face) => centreOf(face).y);
  const most = ONE_ROW * mean(faces.map(({ height }) => height));
  if (Math.max(...heights) - Math.min(...heights) > most) return false;
  return faces.every((face, k) => {
    const next = faces[k + 1];
    return next === undefined || face.x + face.width - next.x <= BESIDE * Math.min(face.width, next.width);
  });
}

/**
 * The next face of a row: the closest one beyond its end, on the given side, at about the same height.
 * @param row its faces, the one at its end last
 * @param side 1 to the right, -1 to the left
 */
function neighbour<Face extends Rectangle>(
  row: readonly Face[],
  left: ReadonlySet<Face>,
  side: 1 | -1,
): Face | undefined {
  const end = row.slice(-ROW_END);
  const from = centreOf(row.at(-1)!);
  const level = mean(end.map((face) => centreOf(face).y));
  const height = mean(end.map((face) => face.height));
  let closest: Face | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const face of left) {
    const { x, y } = centreOf(face);
    const away = side * (x - from.x);
    const isLevel = Math.abs(y - level) <= (SAME_ROW * (height + face.height)) / 2;
    if (away > 0 && away < least && isLevel) [closest, least] = [face, away];
  }
  return closest;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
