import { overlap, type Rectangle } from '../overlap.ts';
import type { NetworkBox } from './boxes.ts';
import { type Square, toSquare } from './frame.ts';
import type { View } from './pixels.ts';

/** A look of the network at one place in the picture rather than at the whole of it. */
export interface Look {
  /** Where a face is thought to be, in pixels of the picture. */
  readonly place: Square;
  /** Degrees that the head is thought to lean clockwise: the place is turned back by it. */
  readonly angle: number;
  /** Side of the square that the network is shown, in pixels; a multiple of 32. */
  readonly pixels: number;
  /** Whether it is shown the mirror image. */
  readonly mirrored: boolean;
}

/** What the network made of a look: its surest face at that place. */
export interface Sighting {
  /** 0..1, not below LEAST_SIGHTING. */
  readonly score: number;
  /** The face's square, in pixels of the picture; absent where there was nothing. */
  readonly square?: Square;
}

/** Weaker sightings count as none; this is their score. */
export const LEAST_SIGHTING = 0.005;

/** The view is this many times as wide as the face's square: it fills half of it each way. */
const CONTEXT = 2;

/** A face seen in a look is at the place asked about if both squares overlap by more than this (intersection over union). */
const SAME_PLACE = 0.3;

/** The view of one place, turned back and mirrored as the look says; beyond the picture's edge lies its mirror image. */
export function viewOfPlace({ place, angle, pixels, mirrored }: Look): View {
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const width = CONTEXT * place.side;
  const sideways = mirrored ? -1 : 1;
  return {
    side: pixels,
    width,
    height: width,
    margin: width,
    plain: false,
    back: (x, y) => {
      const u = sideways * (x - width / 2);
      const v = y - width / 2;
      return { x: place.centreX + u * cos - v * sin, y: place.centreY + u * sin + v * cos };
    },
  };
}

/** @param boxes what the network saw in the look's view, in pixels of the turned picture */
export function sightingOf(boxes: readonly NetworkBox[], look: Look, view: View): Sighting {
  const middle = view.width / 2;
  const { side } = look.place;
  const asked: Rectangle = { x: middle - side / 2, y: middle - side / 2, width: side, height: side };
  let best: Sighting = { score: LEAST_SIGHTING };
  for (const { x, y, width, height, score } of boxes) {
    const square = toSquare({ centreX: x + width / 2, centreY: y + height / 2, height }, 0);
    const seen: Rectangle = {
      x: square.centreX - square.side / 2,
      y: square.centreY - square.side / 2,
      width: square.side,
      height: square.side,
    };
    if (score <= best.score || overlap(seen, asked).union <= SAME_PLACE) continue;
    const centre = view.back(square.centreX, square.centreY);
    best = { score, square: { centreX: centre.x, centreY: centre.y, side: square.side } };
  }
  return best;
}
