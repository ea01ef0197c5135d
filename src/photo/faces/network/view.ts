import type { RgbImage } from '../../image.ts';
import { turnedSize, type WayBack, wayBack } from '../box.ts';
import type { Look, NetworkPass } from './network.ts';

/** Width and height, in pixels of a view, of one cell of the network's output. The sides of a view are multiples of it. */
export const CELL = 32;

/** The view of a place is this many times as wide as the face's square: the face fills half its width and height. */
const CONTEXT = 2;

/** The geometry of a pass: it maps places in the network's input back to the picture. */
export interface View {
  /** Size of the network's input, in pixels; multiples of CELL. */
  readonly columns: number;
  readonly rows: number;
  /** Width and height of one pixel of the view, in pixels of the picture. */
  readonly step: number;
  /** Size of a cell in the picture's own pixels. */
  readonly cell: { readonly width: number; readonly height: number };
  /** Width of the margin around the picture, in the picture's own pixels. It shows the picture mirrored at its edge. */
  readonly margin: number;
  /** Whether the picture has neither a rotation nor a margin. It is then sampled at the same points as in face-api. */
  readonly plain: boolean;
  /** Maps a point of the rotated picture (in the picture's own pixels, from the view's top left corner) to a point of the picture. */
  readonly back: WayBack;
}

/** The view of a whole picture with its margin, turned back by the pass's angle. Its longer side has the length of the pass's side. */
export function viewOf(image: Pick<RgbImage, 'width' | 'height'>, pass: NetworkPass): View {
  const { corner, side } = pass;
  if (corner) {
    const back: WayBack = (x, y) => ({ x: corner.x + x, y: corner.y + y });
    return { ...square(side, side), margin: 0, plain: false, back };
  }
  const margin = pass.margin * Math.max(image.width, image.height);
  const whole = { width: image.width + 2 * margin, height: image.height + 2 * margin };
  const { width, height } = turnedSize(whole, pass.angle);
  const longest = Math.max(width, height);
  const plain = pass.angle === 0 && pass.margin === 0;
  if (plain) return { ...asFaceApi(width, height, side), margin, plain, back: (x, y) => ({ x, y }) };
  // The shorter side is rounded to whole cells. The picture is centred, and its margin is extended into the rest.
  const step = longest / side;
  const cells = (length: number) => Math.max(CELL, CELL * Math.ceil(length / step / CELL - LEAST_CELL));
  const [columns, rows] = [cells(width), cells(height)];
  const from = { x: (columns * step) / 2, y: (rows * step) / 2 };
  const to = { x: image.width / 2, y: image.height / 2 };
  return {
    columns,
    rows,
    step,
    cell: { width: CELL * step, height: CELL * step },
    margin: margin === 0 ? 0 : longest,
    plain,
    back: wayBack({ angle: pass.angle, from, to }),
  };
}

/** A side is rounded up to whole cells if the rest is at least this part of a cell. A slightly narrower margin shows as much. */
const LEAST_CELL = 0.3;

/** A square view of a square. @param length side of the square, in the picture's own pixels @param side side of the view, in its pixels */
function square(length: number, side: number): Pick<View, 'columns' | 'rows' | 'step' | 'cell'> {
  const step = length / side;
  return { columns: side, rows: side, step, cell: { width: CELL * step, height: CELL * step } };
}

/** face-api puts the picture into the top left of a square, rounds its size there to whole pixels, and scales the boxes accordingly. */
function asFaceApi(width: number, height: number, side: number): Pick<View, 'columns' | 'rows' | 'step' | 'cell'> {
  const longest = Math.max(width, height);
  const cell = (length: number) => (CELL * length) / Math.max(1, Math.round((length * side) / longest));
  return { ...square(longest, side), cell: { width: cell(width), height: cell(height) } };
}

/** The view of one place, turned back and mirrored as the look says. Outside the picture it shows the picture's mirror image. */
export function viewOfPlace({ place, angle, pixels, mirrored }: Look): View {
  const width = CONTEXT * place.side;
  const from = { x: width / 2, y: width / 2 };
  const back = wayBack({ angle, from, to: { x: place.centreX, y: place.centreY }, mirrored });
  return { ...square(width, pixels), margin: width, plain: false, back };
}

/**
 * Samples the picture for a view, bilinearly as tf.image.resizeBilinear does for face-api (the first sample lies on the first
 * pixel). The margin shows the picture mirrored at its edge, so that half a face becomes a whole one. Beyond the margin all
 * is black.
 * @param planes receives the samples: 3 * rows * columns numbers; earlier content is overwritten
 * @returns the planes red, green, blue, rows * columns numbers 0..255 each
 */
export function toPlanes(
  image: RgbImage,
  view: View,
  planes: Float32Array<ArrayBuffer> = new Float32Array(3 * view.rows * view.columns),
): Float32Array<ArrayBuffer> {
  const { step } = view;
  // Pixel centres are at half numbers. Sample positions are counted in pixels from the first pixel's centre.
  const origin = view.back(0.5, 0.5);
  const right = view.back(0.5 + step, 0.5);
  const down = view.back(0.5, 0.5 + step);
  const grid: Grid = {
    x: origin.x - 0.5,
    y: origin.y - 0.5,
    right: { x: right.x - origin.x, y: right.y - origin.y },
    down: { x: down.x - origin.x, y: down.y - origin.y },
  };
  const longest = Math.max(image.width, image.height);
  const isUpright = grid.right.y === 0 && grid.down.x === 0;
  if (isUpright) {
    const columns = tapsAlong(view.columns, grid.x, grid.right.x, edgeOf(image.width, view, longest));
    const rows = tapsAlong(view.rows, grid.y, grid.down.y, edgeOf(image.height, view, longest));
    sampleUpright(planes, image, columns, rows);
  } else sampleTurned(planes, image, view, grid);
  return planes;
}

/** The positions of a view's samples in the picture: the first one, and the steps to the next column and row. */
interface Grid {
  readonly x: number;
  readonly y: number;
  readonly right: { readonly x: number; readonly y: number };
  readonly down: { readonly x: number; readonly y: number };
}

/** The index of the pixel that is shown at an integer position of a row (or column), which may be outside the picture; -1 for black. */
type Edge = (place: number) => number;

function edgeOf(length: number, view: View, longest: number): Edge {
  // face-api repeats the last pixel of an enlarged picture where the square ends there, and shows black where the square continues.
  if (view.plain) return (place) => (Math.min(place, longest - 1) < length ? Math.min(place, longest - 1) : -1);
  const margin = Math.ceil(view.margin);
  return (place) => mirroredPlace(place, length, margin);
}

/** The index of the pixel that is shown at a position. The picture is mirrored for `margin` pixels outside its edge; -1 beyond that. */
function mirroredPlace(place: number, length: number, margin: number): number {
  if (place >= 0 && place < length) return place;
  if (place < -margin || place >= length + margin) return -1;
  const mirrored = place < 0 ? -1 - place : 2 * length - 1 - place;
  return mirrored >= 0 && mirrored < length ? mirrored : -1;
}

/** The two pixels on either side of each sample of a row (or column), and their weights, which are 0 for black. */
interface Taps {
  readonly count: number;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly ofFirst: Float64Array;
  readonly ofSecond: Float64Array;
}

function tapsAlong(count: number, start: number, step: number, edge: Edge): Taps {
  const taps = {
    count,
    first: new Int32Array(count),
    second: new Int32Array(count),
    ofFirst: new Float64Array(count),
    ofSecond: new Float64Array(count),
  };
  for (let k = 0; k < count; k++) {
    const place = start + k * step;
    const before = Math.floor(place);
    const [first, second] = [edge(before), edge(before + 1)];
    taps.first[k] = Math.max(0, first);
    taps.second[k] = Math.max(0, second);
    taps.ofFirst[k] = first < 0 ? 0 : 1 - (place - before);
    taps.ofSecond[k] = second < 0 ? 0 : place - before;
  }
  return taps;
}

/*
 * `sampleAt` is not used here: it reads one number of one plane and repeats the border. The two functions below read three interleaved
 * colours with the same positions and weights, and the picture continues beyond its edge as a mirror image or in black.
 */

/** Samples a picture that is not rotated. All samples of a row or a column have the same neighbours there. */
function sampleUpright(planes: Float32Array, { data, width }: RgbImage, columns: Taps, rows: Taps): void {
  const plane = rows.count * columns.count;
  const { ofFirst, ofSecond } = columns;
  const first = columns.first.map((column) => 3 * column);
  const second = columns.second.map((column) => 3 * column);
  // A tile has the picture's own pixels. Copying them gives the same numbers as sampling, in less than half the time.
  const isWhole = ofFirst.every((part) => part === 1);
  for (let row = 0; row < rows.count; row++) {
    const ofUpper = rows.ofFirst[row]!;
    const ofLower = rows.ofSecond[row]!;
    let at = row * columns.count;
    if (ofUpper === 0 && ofLower === 0) {
      for (const from of [at, at + plane, at + 2 * plane]) planes.fill(0, from, from + columns.count);
      continue;
    }
    const upper = 3 * width * rows.first[row]!;
    if (isWhole && ofUpper === 1) {
      for (let column = 0; column < columns.count; column++, at++) {
        const from = upper + first[column]!;
        planes[at] = data[from]!;
        planes[at + plane] = data[from + 1]!;
        planes[at + 2 * plane] = data[from + 2]!;
      }
      continue;
    }
    const lower = 3 * width * rows.second[row]!;
    for (let column = 0; column < columns.count; column++, at++) {
      const ofLeft = ofFirst[column]!;
      const ofRight = ofSecond[column]!;
      const a = upper + first[column]!;
      const b = upper + second[column]!;
      const c = lower + first[column]!;
      const d = lower + second[column]!;
      const ofA = ofUpper * ofLeft;
      const ofB = ofUpper * ofRight;
      const ofC = ofLower * ofLeft;
      const ofD = ofLower * ofRight;
      planes[at] = ofA * data[a]! + ofB * data[b]! + ofC * data[c]! + ofD * data[d]!;
      planes[at + plane] = ofA * data[a + 1]! + ofB * data[b + 1]! + ofC * data[c + 1]! + ofD * data[d + 1]!;
      planes[at + 2 * plane] = ofA * data[a + 2]! + ofB * data[b + 2]! + ofC * data[c + 2]! + ofD * data[d + 2]!;
    }
  }
}

function sampleTurned(planes: Float32Array, image: RgbImage, view: View, grid: Grid): void {
  const { data, width, height } = image;
  const { columns, rows } = view;
  const { right, down } = grid;
  const plane = rows * columns;
  const margin = Math.ceil(view.margin);
  for (let row = 0; row < rows; row++) {
    const startX = grid.x + row * down.x;
    const startY = grid.y + row * down.y;
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      const x = startX + column * right.x;
      const y = startY + column * right.y;
      if (x < -margin - 1 || y < -margin - 1 || x >= width + margin || y >= height + margin) {
        planes[at] = planes[at + plane] = planes[at + 2 * plane] = 0;
        continue;
      }
      let left = Math.floor(x) | 0;
      let top = Math.floor(y) | 0;
      let next = (left + 1) | 0;
      let below = (top + 1) | 0;
      let ofRight = x - left;
      let ofLower = y - top;
      let ofLeft = 1 - ofRight;
      let ofUpper = 1 - ofLower;
      if (left < 0 || top < 0 || next >= width || below >= height) {
        left = mirroredPlace(left, width, margin);
        next = mirroredPlace(next, width, margin);
        top = mirroredPlace(top, height, margin);
        below = mirroredPlace(below, height, margin);
        if (left < 0) left = ofLeft = 0;
        if (next < 0) next = ofRight = 0;
        if (top < 0) top = ofUpper = 0;
        if (below < 0) below = ofLower = 0;
      }
      const a = Math.imul(3, (Math.imul(top, width) + left) | 0);
      const b = Math.imul(3, (Math.imul(top, width) + next) | 0);
      const c = Math.imul(3, (Math.imul(below, width) + left) | 0);
      const d = Math.imul(3, (Math.imul(below, width) + next) | 0);
      const ofA = ofUpper * ofLeft;
      const ofB = ofUpper * ofRight;
      const ofC = ofLower * ofLeft;
      const ofD = ofLower * ofRight;
      planes[at] = ofA * data[a]! + ofB * data[b]! + ofC * data[c]! + ofD * data[d]!;
      planes[at + plane] = ofA * data[a + 1]! + ofB * data[b + 1]! + ofC * data[c + 1]! + ofD * data[d + 1]!;
      planes[at + 2 * plane] = ofA * data[a + 2]! + ofB * data[b + 2]! + ofC * data[c + 2]! + ofD * data[d + 2]!;
    }
  }
}
