/**
 * The shapes that describe where a face is, and the conversions between them. All lengths are in pixels, all angles in degrees
 * clockwise as seen in the picture.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** An upright box; x and y are its left and its top edge. */
export interface Rectangle extends Point, Size {}

/** An upright box around a face, and the angle by which the head leans: 0 if it is upright. */
export interface LeaningBox extends Rectangle {
  readonly angle: number;
}

/** A face that a detector found. Its edges are not rounded, and may lie outside the picture. */
export interface FaceBox extends LeaningBox {
  /** How sure the detector is: higher is surer. Comparable within one detector only. */
  readonly score: number;
}

/** A face's square as the cascades frame faces: from the brow to the chin, turned by the lean of the head. */
export interface Square {
  readonly centreX: number;
  readonly centreY: number;
  readonly side: number;
}

/** A box as the network frames a face. Its sides are parallel to the sides of the network's view, which may be rotated. */
export interface NetworkFrame extends Size {
  readonly centreX: number;
  readonly centreY: number;
}

/** Two boxes that overlap by more than this (intersection over union) are about the same face. */
export const SAME_PLACE = 0.3;
/** So are two boxes if more than this part of the smaller one lies in the other: a box within a face is not a second face. */
const WITHIN = 0.7;

/**
 * The network's boxes in the cascades' frame: a square whose side is this part of the box's height, its centre that part higher.
 * Medians over 70 faces that both found (quartiles 0.88 and 0.97; 0.11 and 0.15); sideways there is no difference (0.01).
 */
const FRAME_SIDE = 0.92;
const FRAME_UP = 0.13;

export function centreOf({ x, y, width, height }: Rectangle): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

/** A square as an upright box. */
export function toBox({ centreX, centreY, side }: Square): Rectangle {
  return { x: centreX - side / 2, y: centreY - side / 2, width: side, height: side };
}

/**
 * Converts a network's frame into the cascades' square.
 * @param frame in pixels of the picture, its sides along those of the picture turned back by `angle`
 * @param angle degrees that the head leans
 */
export function toSquare({ centreX, centreY, height }: Omit<NetworkFrame, 'width'>, angle: number): Square {
  const centre = wayBack({ angle, from: { x: 0, y: 0 }, to: { x: centreX, y: centreY } })(0, -FRAME_UP * height);
  return { centreX: centre.x, centreY: centre.y, side: FRAME_SIDE * height };
}

/** A size times a factor, in whole pixels, at least one each way. */
export function scaledSize({ width, height }: Size, factor: number): Size {
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** Scales a box from pixels of a picture to pixels of a larger or smaller copy of it; its other properties stay. */
export function toCopy<Box extends Rectangle>(box: Box, picture: Size, copy: Size): Box {
  const x = copy.width / picture.width;
  const y = copy.height / picture.height;
  return { ...box, x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y };
}

/**
 * The weighted mean of several squares of one face. Their errors differ, so the mean is better than any of them.
 * @param squares at least one, with weights above 0
 */
export function meanSquare(squares: readonly { readonly square: Square; readonly weight: number }[]): Square {
  const total = squares.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (value: (square: Square) => number) =>
    squares.reduce((sum, { square, weight }) => sum + weight * value(square), 0) / total;
  return {
    centreX: mean(({ centreX }) => centreX),
    centreY: mean(({ centreY }) => centreY),
    side: Math.exp(mean(({ side }) => Math.log(side))),
  };
}

export function cosAndSin(degrees: number): { readonly cos: number; readonly sin: number } {
  const radians = (degrees * Math.PI) / 180;
  return { cos: Math.cos(radians), sin: Math.sin(radians) };
}

/** Size of the upright canvas that holds all of a picture turned by an angle. */
export function turnedSize({ width, height }: Size, degrees: number): Size {
  const { cos, sin } = cosAndSin(degrees);
  return {
    width: width * Math.abs(cos) + height * Math.abs(sin),
    height: width * Math.abs(sin) + height * Math.abs(cos),
  };
}

/** Maps a point of a turned picture to the same point in the original picture. */
export type WayBack = (x: number, y: number) => Point;

/**
 * Maps points back from a picture that was turned counter-clockwise, so that heads leaning by `angle` are upright in it.
 * @param turn.from the fixed point of the rotation in the turned picture, such as its centre
 * @param turn.to the same point in the picture
 * @param turn.mirrored whether left and right were exchanged after the turn
 */
export function wayBack(turn: { angle: number; from: Point; to: Point; mirrored?: boolean }): WayBack {
  const { from, to } = turn;
  const { cos, sin } = cosAndSin(turn.angle);
  const sideways = turn.mirrored ? -1 : 1;
  return (x, y) => {
    const right = sideways * (x - from.x);
    const down = y - from.y;
    return { x: to.x + right * cos - down * sin, y: to.y + right * sin + down * cos };
  };
}

/** Area that two boxes share, in square pixels. */
export function sharedArea(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** How much two boxes overlap, 0..1: intersection over union, and intersection over the smaller one. */
export function overlap(a: Rectangle, b: Rectangle): { union: number; ofSmaller: number } {
  const shared = sharedArea(a, b);
  const areas = [a.width * a.height, b.width * b.height];
  return { union: shared / (areas[0]! + areas[1]! - shared), ofSmaller: shared / Math.min(...areas) };
}

/** Whether two boxes are about the same face: they lie at the same place, or one lies within the other. */
export function showSameFace(a: Rectangle, b: Rectangle): boolean {
  const { union, ofSmaller } = overlap(a, b);
  return union > SAME_PLACE || ofSmaller > WITHIN;
}

/**
 * Groups items that show the same face. Each item joins the closest group, measured to the group's first and so surest item.
 * @param items the surest first
 * @param closeness of an item to a group's first one: above 0 if both are about the same face. If two are equal, the surer group wins
 */
export function groupByFace<Item>(
  items: readonly Item[],
  closeness: (first: Item, item: Item) => number,
): [Item, ...Item[]][] {
  const groups: [Item, ...Item[]][] = [];
  for (const item of items) {
    let closest: Item[] | undefined;
    let most = 0;
    for (const group of groups) {
      const close = closeness(group[0], item);
      if (close > most) [closest, most] = [group, close];
    }
    if (closest) closest.push(item);
    else groups.push([item]);
  }
  return groups;
}
