import { logistic, logOdds } from '../../../base/numbers.ts';
import { centreOf, groupByFace, overlap, type Rectangle, SAME_PLACE, toBox, toSquare } from '../box.ts';
import type { Look, Sighting } from './network.ts';
import { CELL, type View } from './view.ts';

/** A face that the network detected in one view of the picture. */
export interface NetworkBox extends Rectangle {
  /** How sure the network is, 0..1. */
  readonly score: number;
}

/** Sightings with a lower score count as none, and get this score. */
export const LEAST_SIGHTING = 0.005;

/** Width and height of each anchor in cells, and the largest overlap (IoU) of two faces; from face-api's const.ts. */
const ANCHORS = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
] as const;
const MOST_OVERLAP = 0.4;

/**
 * Converts the network's output to boxes, one per face, the surest first.
 * @param cells for each of the five anchors five maps (x, y, width, height, objectness) of the view's rows / 32 and columns / 32
 * @param view the view that the network was given
 * @param least lowest score of a box, between 0 and 1
 * @returns boxes in pixels of the rotated picture that the view shows, unclipped
 */
export function toBoxes(cells: Float32Array, view: View, least: number): NetworkBox[] {
  const across = view.columns / CELL;
  const plane = across * (view.rows / CELL);
  const leastLogit = logOdds(least);
  const boxes: NetworkBox[] = [];
  for (const [anchor, [anchorWidth, anchorHeight]] of ANCHORS.entries()) {
    const number = (which: number, cell: number) => cells[(anchor * 5 + which) * plane + cell]!;
    for (let cell = 0; cell < plane; cell++) {
      if (number(4, cell) <= leastLogit) continue;
      const width = Math.exp(number(2, cell)) * anchorWidth * view.cell.width;
      const height = Math.exp(number(3, cell)) * anchorHeight * view.cell.height;
      boxes.push({
        x: ((cell % across) + logistic(number(0, cell))) * view.cell.width - width / 2,
        y: (Math.floor(cell / across) + logistic(number(1, cell))) * view.cell.height - height / 2,
        width,
        height,
        score: logistic(number(4, cell)),
      });
    }
  }
  return keepSurest(boxes);
}

/** Drops every box that overlaps a surer one. */
function keepSurest(boxes: readonly NetworkBox[]): NetworkBox[] {
  const sorted = [...boxes].sort((a, b) => b.score - a.score);
  return groupByFace(sorted, (surer, box) => (overlap(surer, box).union > MOST_OVERLAP ? 1 : 0)).map(
    ([surest]) => surest,
  );
}

/** @param boxes the network's boxes for the look's view, in pixels of the rotated picture */
export function sightingOf(boxes: readonly NetworkBox[], look: Look, view: View): Sighting {
  const middle = (view.columns * view.step) / 2;
  const asked = toBox({ centreX: middle, centreY: middle, side: look.place.side });
  let best: Sighting = { score: LEAST_SIGHTING };
  for (const box of boxes) {
    const { x, y } = centreOf(box);
    const square = toSquare({ centreX: x, centreY: y, height: box.height }, 0);
    if (box.score <= best.score || overlap(toBox(square), asked).union <= SAME_PLACE) continue;
    const centre = view.back(square.centreX, square.centreY);
    best = { score: box.score, square: { centreX: centre.x, centreY: centre.y, side: square.side } };
  }
  return best;
}
