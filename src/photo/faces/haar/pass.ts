import type { GrayImage } from '../../image.ts';
import { cosAndSin, type Point, type Rectangle, type Size, turnedSize, type WayBack, wayBack } from '../box.ts';
import type { HaarPass, HaarProposal } from './haar.ts';

/** One pass over one gray picture. */
export interface GrayTask {
  readonly gray: GrayImage;
  readonly pass: HaarPass;
  /** Smallest face sought, in pixels of the picture. */
  readonly minFace: number;
  readonly eyes: boolean;
}

/** A detection of a cascade: a square, and the number of overlapping hits that were joined into it. */
export interface Hit {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly neighbours: number;
}

/** Settings of a cascade's run. */
export interface CascadeLook {
  readonly scaleFactor: number;
  /** OpenCV's parameter: a detection needs more overlapping hits than this. */
  readonly minNeighbours: number;
  /** Smallest side of a detection, in pixels of the picture. */
  readonly minSize: number;
}

/** The operations of OpenCV that a pass needs. Pictures are gray, 8 bits per pixel, and stay in OpenCV's memory until they are released. */
export interface OpenCv<Mat> {
  fromGray(image: GrayImage): Mat;
  sizeOf(mat: Mat): Size;
  /** Warps a picture onto a black canvas, bilinearly. @param forward the 2 x 3 matrix of warpAffine, row by row */
  move(mat: Mat, forward: readonly number[], size: Size): Mat;
  /** Crops a picture, in whole pixels, and resizes the crop bilinearly. */
  resizePart(mat: Mat, part: Rectangle, size: Size): Mat;
  /** Runs a cascade over a picture. @param cascade file name in model/cascades */
  detect(cascade: string, mat: Mat, look: CascadeLook): Hit[];
  release(mat: Mat): void;
}

/** The cascades' folder. */
export const CASCADES = new URL('../../../../model/cascades/', import.meta.url);
const EYE_CASCADE = 'haarcascade_eye.xml';

/** The cascade was trained on 20 x 20 pixels; faces are enlarged to this side so that an eye in them is larger than that. */
const EYE_SEARCH_SIDE = 160;
/** Eyes are in the upper part of a face box. Below it the cascade mistakes nostrils and mouth corners for eyes. */
const EYE_SEARCH_PART = 0.6;
/** An eye (with its brow, as the cascade saw them) is about a quarter as wide as the face box; half of that is too small. */
const EYE_MIN_PART = 1 / 7;

/**
 * Turns a picture counter-clockwise by an angle onto a canvas that holds all of it.
 * @returns the turned picture (the caller releases it) and a function that maps its points back
 */
function turned<Mat>(cv: OpenCv<Mat>, mat: Mat, angle: number): { mat: Mat; back: WayBack } {
  const { cos, sin } = cosAndSin(angle);
  const before = cv.sizeOf(mat);
  const after = turnedSize(before, angle);
  const size = { width: Math.ceil(after.width), height: Math.ceil(after.height) };
  const from = { x: before.width / 2, y: before.height / 2 };
  const to = { x: size.width / 2, y: size.height / 2 };
  const forward = [
    ...[cos, sin, to.x - from.x * cos - from.y * sin],
    ...[-sin, cos, to.y + from.x * sin - from.y * cos],
  ];
  return { mat: cv.move(mat, forward, size), back: wayBack({ angle, from: to, to: from }) };
}

/** Centres of the eyes in a face, in pixels of the picture that the face was found in. */
function findEyes<Mat>(cv: OpenCv<Mat>, mat: Mat, face: Hit): Point[] {
  const height = Math.round(face.width * EYE_SEARCH_PART);
  const scale = Math.max(1, EYE_SEARCH_SIDE / face.width);
  const size = { width: Math.round(face.width * scale), height: Math.round(height * scale) };
  const search = cv.resizePart(mat, { x: face.x, y: face.y, width: face.width, height }, size);
  try {
    const minSize = Math.round(face.width * scale * EYE_MIN_PART);
    return cv.detect(EYE_CASCADE, search, { scaleFactor: 1.1, minNeighbours: 3, minSize }).map((eye) => ({
      x: face.x + (eye.x + eye.width / 2) / scale,
      y: face.y + (eye.y + eye.width / 2) / scale,
    }));
  } finally {
    cv.release(search);
  }
}

/** One pass over one picture: see HaarTask and HaarProposal. */
export function runPass<Mat>(cv: OpenCv<Mat>, { gray, pass, minFace, eyes }: GrayTask): HaarProposal[] {
  const mats: Mat[] = [];
  try {
    const upright = cv.fromGray(gray);
    mats.push(upright);
    const view =
      pass.angle === 0 ? { mat: upright, back: (x: number, y: number) => ({ x, y }) } : turned(cv, upright, pass.angle);
    mats.push(view.mat);
    const { scaleFactor, minNeighbours } = pass;
    const hits = cv.detect(pass.cascade, view.mat, { scaleFactor, minNeighbours, minSize: minFace });
    return hits.map((hit) => {
      const centre = view.back(hit.x + hit.width / 2, hit.y + hit.width / 2);
      return {
        centreX: centre.x,
        centreY: centre.y,
        side: hit.width,
        angle: pass.angle,
        neighbours: hit.neighbours,
        eyes: (eyes ? findEyes(cv, view.mat, hit) : []).map((eye) => view.back(eye.x, eye.y)),
      };
    });
  } finally {
    for (const mat of new Set(mats)) cv.release(mat);
  }
}
