import { addSample, type Edge, type RgbImage } from '../../image.ts';
import { turnedSize, type WayBack, wayBack } from '../box.ts';
import type { Look, NetworkPass } from './network.ts';

/** The view of a place is this many times as wide as the face's square: the face fills half of it each way. */
const CONTEXT = 2;

/** How a pass sees a picture: what leads from places in the square that the network looks at back to the picture. */
export interface View {
  /** Side of the square, in pixels. */
  readonly side: number;
  /** Size of the turned picture with its margin, in the picture's own pixels; it lies in the square's top left corner. */
  readonly width: number;
  readonly height: number;
  /** Width of the margin, in the picture's own pixels. */
  readonly margin: number;
  /** Whether the picture stands as it is, so that it is sampled at the very places where face-api samples it. */
  readonly plain: boolean;
  /** A point of the turned picture (in the picture's own pixels) as a point of the picture. */
  readonly back: WayBack;
}

/** The view of a whole picture, with its margin turned back by the pass's angle, its longer side filling the square. */
export function viewOf(image: Pick<RgbImage, 'width' | 'height'>, pass: NetworkPass): View {
  const { corner, side } = pass;
  if (corner) {
    const back: WayBack = (x, y) => ({ x: corner.x + x, y: corner.y + y });
    return { side, width: side, height: side, margin: 0, plain: false, back };
  }
  const plain = pass.angle === 0 && pass.margin === 0;
  const margin = pass.margin * Math.max(image.width, image.height);
  const whole = { width: image.width + 2 * margin, height: image.height + 2 * margin };
  const { width, height } = turnedSize(whole, pass.angle);
  return {
    side: pass.side,
    width,
    height,
    margin,
    plain,
    back: wayBack({
      angle: pass.angle,
      from: { x: width / 2, y: height / 2 },
      to: { x: image.width / 2, y: image.height / 2 },
    }),
  };
}

/** The view of one place, turned back and mirrored as the look says; beyond the picture's edge lies its mirror image. */
export function viewOfPlace({ place, angle, pixels, mirrored }: Look): View {
  const width = CONTEXT * place.side;
  const from = { x: width / 2, y: width / 2 };
  const back = wayBack({ angle, from, to: { x: place.centreX, y: place.centreY }, mirrored });
  return { side: pixels, width, height: width, margin: width, plain: false, back };
}

/**
 * The picture as a view shows it: bilinear samples, as tf.image.resizeBilinear takes them for face-api (the first sample lies on
 * the first pixel). The margin shows the mirror image of what lies inside the edge, so that half a face becomes a whole one;
 * beyond it all is black.
 * @returns the planes red, green, blue, side * side numbers 0..255 each
 */
export function toPlanes(image: RgbImage, view: View): Float32Array {
  const { side } = view;
  const step = Math.max(view.width, view.height) / side;
  const planes = new Float32Array(3 * side * side);
  // Pixel centres lie at half numbers; places below count in pixels from the centre of the first.
  const origin = view.back(0.5, 0.5);
  const right = view.back(0.5 + step, 0.5);
  const down = view.back(0.5, 0.5 + step);
  const reach = { left: -view.margin, right: image.width + view.margin, bottom: image.height + view.margin };
  const longest = Math.max(image.width, image.height);
  const edges = { column: edgeOf(image.width, view, longest), row: edgeOf(image.height, view, longest) };
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const x = origin.x - 0.5 + column * (right.x - origin.x) + row * (down.x - origin.x);
      const y = origin.y - 0.5 + column * (right.y - origin.y) + row * (down.y - origin.y);
      if (x < reach.left - 1 || y < reach.left - 1 || x >= reach.right || y >= reach.bottom) continue;
      const inside = x >= 0 && y >= 0 && x < image.width - 1 && y < image.height - 1;
      if (inside) addInside(planes, row * side + column, side * side, image, x, y);
      else addSample(planes, row * side + column, side * side, image, 3, x, y, edges);
    }
  }
  return planes;
}

/** What addSample does where all four pixels lie in the picture: most samples by far, in a third of the time. */
function addInside(
  planes: Float32Array,
  at: number,
  stride: number,
  { data, width }: RgbImage,
  x: number,
  y: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const toRight = x - left;
  const toBottom = y - top;
  const first = (1 - toRight) * (1 - toBottom);
  const second = toRight * (1 - toBottom);
  const third = (1 - toRight) * toBottom;
  const fourth = toRight * toBottom;
  const upper = (top * width + left) * 3;
  const lower = upper + width * 3;
  for (let channel = 0; channel < 3; channel++) {
    const above = first * data[upper + channel]! + second * data[upper + 3 + channel]!;
    planes[at + channel * stride] = above + third * data[lower + channel]! + fourth * data[lower + 3 + channel]!;
  }
}

function edgeOf(length: number, view: View, longest: number): Edge {
  // What face-api enlarges ends with its last pixel repeated at the edge of the square; where the square goes on, in black.
  if (view.plain) return (place) => (Math.min(place, longest - 1) < length ? Math.min(place, longest - 1) : -1);
  const margin = Math.ceil(view.margin);
  return (place) => {
    if (place < -margin || place >= length + margin) return -1;
    const mirrored = place < 0 ? -1 - place : place >= length ? 2 * length - 1 - place : place;
    return mirrored >= 0 && mirrored < length ? mirrored : -1;
  };
}
