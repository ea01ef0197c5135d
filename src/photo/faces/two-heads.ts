import { centreOf, cosAndSin, type FaceBox } from './box.ts';
import { weightOf } from './evidence.ts';
import type { Look, Sighting } from './network/network.ts';

/**
 * Where each half of a box is looked at, as parts of the box's side: this far to the left and to the right of its centre, and this far
 * below it. Where two heads stand side by side, their bands or glasses are taken for the eyes of one face, so each head is a little
 * lower than an eye and smaller than half of the box.
 */
const ASIDE = [0.4, 0.5];
const DOWN = [0.1, 0.2];
const HEAD_SIDE = 0.3;
/** View size, in pixels. */
const SIZE = 96;

/** Weights of the best sightings on both sides, added up, from which on the halves are heads. docs/faces.md has the figures of others. */
const HEADS_FROM = 3;

/** Number of looks at one half of a box. */
const OF_HALF = ASIDE.length * DOWN.length;

/**
 * Whether boxes frame two heads side by side as one face: a head is seen in each half.
 * @param boxes in pixels of the picture that is looked at. Heads may stand in it at any quarter turn
 * @param look asks the network about that picture
 * @returns one answer for each box, in their order
 */
export async function frameTwoHeads(
  boxes: readonly FaceBox[],
  look: (looks: readonly Look[]) => Promise<readonly Sighting[]>,
): Promise<boolean[]> {
  const sightings = await look(boxes.flatMap((box) => [-1, 1].flatMap((side) => looksAt(box, side))));
  return boxes.map((_, k) => {
    const from = 2 * OF_HALF * k;
    const best = (first: number) => Math.max(...sightings.slice(first, first + OF_HALF).map(weightOf));
    return best(from) + best(from + OF_HALF) >= HEADS_FROM;
  });
}

/** @param side -1 for the left half, 1 for the right one */
function looksAt(box: FaceBox, side: number): Look[] {
  // A small lean was measured of what is no face, so only that of a photo that lies turned counts.
  const angle = Math.round(box.angle / 90) * 90;
  const { cos, sin } = cosAndSin(angle);
  const { x, y } = centreOf(box);
  return ASIDE.flatMap((aside) =>
    DOWN.map((down) => {
      const [right, below] = [side * aside * box.width, down * box.width];
      const centre = { centreX: x + right * cos - below * sin, centreY: y + right * sin + below * cos };
      return { place: { ...centre, side: HEAD_SIDE * box.width }, angle, pixels: SIZE, mirrored: false };
    }),
  );
}
