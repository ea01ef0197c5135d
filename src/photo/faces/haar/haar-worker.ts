/**
 * Runs in a worker thread: OpenCV and the cascades are loaded once a thread, then each task is one pass over one picture.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import cv from '@techstark/opencv-js';
import { type GrayImage, halve, toGray } from '../../image.ts';
import { cosAndSin, type Point, turnedSize, type WayBack, wayBack } from '../box.ts';
import type { HaarProposal, HaarTask } from './haar.ts';

type Mat = InstanceType<typeof cv.Mat>;

/** The parts of OpenCV.js that its own type declarations lack. */
interface Cascade {
  load(file: string): boolean;
  detectMultiScale2(
    image: Mat,
    boxes: Boxes,
    neighbours: Numbers,
    scaleFactor: number,
    minNeighbours: number,
    flags: number,
    minSize: { width: number; height: number },
    maxSize: { width: number; height: number },
  ): void;
}
interface Boxes {
  size(): number;
  get(index: number): { x: number; y: number; width: number; height: number };
  delete(): void;
}
interface Numbers {
  get(index: number): number;
  delete(): void;
}
interface UntypedOpenCv {
  CascadeClassifier: new () => Cascade;
  RectVector: new () => Boxes;
  IntVector: new () => Numbers;
  FS_createDataFile(folder: string, name: string, bytes: Uint8Array, read: boolean, write: boolean, own: boolean): void;
  exceptionFromPtr(pointer: number): { msg: string };
}
const untyped = cv as unknown as UntypedOpenCv;

const CASCADES = new URL('../../../../model/cascades/', import.meta.url);
const EYE_CASCADE = 'haarcascade_eye.xml';

/** The cascade was trained on 20 x 20 pixels; faces are enlarged to this side so that an eye in them is larger than that. */
const EYE_SEARCH_SIDE = 160;
/** Eyes sit in the upper part of a face box; below it the cascade takes nostrils and mouth corners for eyes. */
const EYE_SEARCH_PART = 0.6;
/** An eye (with its brow, as the cascade saw them) is about a quarter as wide as the face box; half of that is too small. */
const EYE_MIN_PART = 1 / 7;

const ANY_SIZE = { width: 0, height: 0 };

/** The module is a thenable that never settles, so it cannot be awaited: it is ready once its classes exist. */
async function openCvReady(): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (typeof cv.Mat !== 'function') {
    if (Date.now() > giveUpAt) throw new Error('OpenCV did not start within a minute');
    await sleep(5);
  }
}

const cascades = new Map<string, Cascade>();

function loadCascade(name: string): Cascade {
  let cascade = cascades.get(name);
  if (!cascade) {
    untyped.FS_createDataFile('/', name, readFileSync(new URL(name, CASCADES)), true, false, false);
    cascade = new untyped.CascadeClassifier();
    if (!cascade.load(`/${name}`)) throw new Error(`${name} is not a cascade`);
    cascades.set(name, cascade);
  }
  return cascade;
}

/** OpenCV throws a number: the address of the exception in its own memory. */
function readable(error: unknown): unknown {
  return typeof error === 'number' ? new Error(`OpenCV: ${untyped.exceptionFromPtr(error).msg}`) : error;
}

interface Hit {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly neighbours: number;
}

function runCascade(cascade: Cascade, image: Mat, scaleFactor: number, minNeighbours: number, minSize: number): Hit[] {
  const boxes = new untyped.RectVector();
  const neighbours = new untyped.IntVector();
  try {
    const smallest = { width: minSize, height: minSize };
    cascade.detectMultiScale2(image, boxes, neighbours, scaleFactor, minNeighbours, 0, smallest, ANY_SIZE);
    return Array.from({ length: boxes.size() }, (_, k) => ({ ...boxes.get(k), neighbours: neighbours.get(k) }));
  } finally {
    boxes.delete();
    neighbours.delete();
  }
}

function toMat(image: GrayImage): Mat {
  const mat = new cv.Mat(image.height, image.width, cv.CV_8UC1);
  mat.data.set(image.data);
  return mat;
}

/**
 * Turns a picture counter-clockwise by an angle onto a canvas that holds all of it.
 * @returns the turned picture (the caller deletes it) and the way back for a point on it
 */
function turned(mat: Mat, angle: number): { mat: Mat; back: WayBack } {
  const { cos, sin } = cosAndSin(angle);
  const size = turnedSize({ width: mat.cols, height: mat.rows }, angle);
  const width = Math.ceil(size.width);
  const height = Math.ceil(size.height);
  const from = { x: mat.cols / 2, y: mat.rows / 2 };
  const to = { x: width / 2, y: height / 2 };
  // The way there, as the 2 x 3 matrix that warpAffine takes.
  const forward = cv.matFromArray(2, 3, cv.CV_64F, [
    cos,
    sin,
    to.x - from.x * cos - from.y * sin,
    -sin,
    cos,
    to.y + from.x * sin - from.y * cos,
  ]);
  const result = new cv.Mat();
  try {
    cv.warpAffine(mat, result, forward, new cv.Size(width, height), cv.INTER_LINEAR, cv.BORDER_CONSTANT);
    return { mat: result, back: wayBack({ angle, from: to, to: from }) };
  } catch (error) {
    result.delete();
    throw error;
  } finally {
    forward.delete();
  }
}

/** Centres of the eyes in a face, in pixels of the picture that the face was found in. */
function findEyes(mat: Mat, face: Hit): Point[] {
  const height = Math.round(face.width * EYE_SEARCH_PART);
  const upper = mat.roi(new cv.Rect(face.x, face.y, face.width, height));
  const search = new cv.Mat();
  try {
    const scale = Math.max(1, EYE_SEARCH_SIDE / face.width);
    const size = new cv.Size(Math.round(face.width * scale), Math.round(height * scale));
    cv.resize(upper, search, size, 0, 0, cv.INTER_LINEAR);
    const minSize = Math.round(face.width * scale * EYE_MIN_PART);
    return runCascade(loadCascade(EYE_CASCADE), search, 1.1, 3, minSize).map((eye) => ({
      x: face.x + (eye.x + eye.width / 2) / scale,
      y: face.y + (eye.y + eye.width / 2) / scale,
    }));
  } finally {
    upper.delete();
    search.delete();
  }
}

/** One pass over one picture: see HaarTask and HaarProposal. */
export default async function runPass({ image, halved, pass, minFace, eyes }: HaarTask): Promise<HaarProposal[]> {
  await openCvReady();
  const gray = halved ? halve(toGray(image)) : toGray(image);
  const scale = halved ? 2 : 1;
  const inImage = ({ x, y }: Point) => ({ x: x * scale, y: y * scale });
  const mats: Mat[] = [];
  try {
    const upright = toMat(gray);
    mats.push(upright);
    const view =
      pass.angle === 0 ? { mat: upright, back: (x: number, y: number) => ({ x, y }) } : turned(upright, pass.angle);
    mats.push(view.mat);
    const { scaleFactor, minNeighbours } = pass;
    const hits = runCascade(loadCascade(pass.cascade), view.mat, scaleFactor, minNeighbours, minFace / scale);
    return hits.map((hit) => {
      const centre = inImage(view.back(hit.x + hit.width / 2, hit.y + hit.width / 2));
      return {
        centreX: centre.x,
        centreY: centre.y,
        side: hit.width * scale,
        angle: pass.angle,
        neighbours: hit.neighbours,
        eyes: (eyes ? findEyes(view.mat, hit) : []).map((eye) => inImage(view.back(eye.x, eye.y))),
      };
    });
  } catch (error) {
    throw readable(error);
  } finally {
    for (const mat of new Set(mats)) mat.delete();
  }
}
