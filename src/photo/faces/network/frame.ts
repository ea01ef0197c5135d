/** A face's square as the cascades frame faces: from the brow to the chin, turned by the lean of the head. */
export interface Square {
  readonly centreX: number;
  readonly centreY: number;
  readonly side: number;
}

/**
 * The network's boxes in the cascades' frame: a square whose side is this part of the box's height, its centre that part higher.
 * Medians over 70 faces that both found (quartiles 0.88 and 0.97; 0.11 and 0.15); sideways there is no difference (0.01).
 */
const FRAME_SIDE = 0.92;
const FRAME_UP = 0.13;

/**
 * What the network framed, in the frame of the cascades.
 * @param box centre and height of the network's box; its sides lie along those of the turned picture
 * @param angle degrees that the head leans clockwise
 */
export function toSquare(
  { centreX, centreY, height }: { centreX: number; centreY: number; height: number },
  angle: number,
): Square {
  const radians = (angle * Math.PI) / 180;
  const up = FRAME_UP * height;
  return {
    centreX: centreX + up * Math.sin(radians),
    centreY: centreY - up * Math.cos(radians),
    side: FRAME_SIDE * height,
  };
}
