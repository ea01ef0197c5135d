import { clamp } from '../../base/numbers.ts';
import { centreOf, type Point, type Rectangle } from '../faces/box.ts';

/** A straight line, such as from a label to its face's box. */
export type Line = readonly [from: Point, to: Point];

/** The shortest line from a label to a box. */
export function leaderOf(place: Rectangle, face: Rectangle): Line {
  const nearest = (to: Point, { x, y, width, height }: Rectangle) => ({
    x: clamp(to.x, x, x + width),
    y: clamp(to.y, y, y + height),
  });
  const to = nearest(centreOf(place), face);
  const from = nearest(to, place);
  return [from, nearest(from, face)];
}

/** Whether a line runs through a box; touching its edge is not enough. (Liang and Barsky, 1984.) */
export function crosses([from, to]: Line, { x, y, width, height }: Rectangle): boolean {
  let [enters, leaves] = [0, 1];
  const sides = [
    [from.x - to.x, from.x - x],
    [to.x - from.x, x + width - from.x],
    [from.y - to.y, from.y - y],
    [to.y - from.y, y + height - from.y],
  ] as const;
  for (const [step, room] of sides) {
    if (step === 0) {
      if (room <= 0) return false;
    } else if (step < 0) enters = Math.max(enters, room / step);
    else leaves = Math.min(leaves, room / step);
  }
  return leaves - enters > 1e-6;
}

/** Whether two lines cross. */
export function meet([a, b]: Line, [c, d]: Line): boolean {
  const side = (p: Point, q: Point, r: Point) => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** Length of a line, in pixels. */
export function lengthOf([from, to]: Line): number {
  return Math.hypot(to.x - from.x, to.y - from.y);
}
