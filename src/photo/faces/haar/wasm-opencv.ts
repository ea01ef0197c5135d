import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type OpenCvJs from '@techstark/opencv-js';
import type { HaarProposal } from './haar.ts';
import { CASCADES, type GrayTask, type OpenCv, runPass } from './pass.ts';

let cv: typeof OpenCvJs;
let untyped: UntypedOpenCv;

type Mat = InstanceType<typeof OpenCvJs.Mat>;

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

const ANY_SIZE = { width: 0, height: 0 };

/** Loads OpenCV and waits until its classes exist. The module itself is a thenable that never settles, so it cannot be awaited. */
async function openCvReady(): Promise<void> {
  // Not while this module is loaded: Node would keep a failure, for want of memory say, for as long as the thread lives. `import` would
  // read its 10 MB once more, to find out what they export.
  cv ??= createRequire(import.meta.url)('@techstark/opencv-js');
  untyped = cv as unknown as UntypedOpenCv;
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

const openCv: OpenCv<Mat> = {
  fromGray(image) {
    const mat = new cv.Mat(image.height, image.width, cv.CV_8UC1);
    mat.data.set(image.data);
    return mat;
  },
  sizeOf: (mat) => ({ width: mat.cols, height: mat.rows }),
  move(mat, forward, { width, height }) {
    const matrix = cv.matFromArray(2, 3, cv.CV_64F, [...forward]);
    const result = new cv.Mat();
    try {
      cv.warpAffine(mat, result, matrix, new cv.Size(width, height), cv.INTER_LINEAR, cv.BORDER_CONSTANT);
      return result;
    } catch (error) {
      result.delete();
      throw error;
    } finally {
      matrix.delete();
    }
  },
  resizePart(mat, { x, y, width, height }, size) {
    const part = mat.roi(new cv.Rect(x, y, width, height));
    const result = new cv.Mat();
    try {
      cv.resize(part, result, new cv.Size(size.width, size.height), 0, 0, cv.INTER_LINEAR);
      return result;
    } catch (error) {
      result.delete();
      throw error;
    } finally {
      part.delete();
    }
  },
  detect(cascade, mat, { scaleFactor, minNeighbours, minSize }) {
    const boxes = new untyped.RectVector();
    const neighbours = new untyped.IntVector();
    try {
      const smallest = { width: minSize, height: minSize };
      const loaded = loadCascade(cascade);
      loaded.detectMultiScale2(mat, boxes, neighbours, scaleFactor, minNeighbours, 0, smallest, ANY_SIZE);
      return Array.from({ length: boxes.size() }, (_, k) => ({ ...boxes.get(k), neighbours: neighbours.get(k) }));
    } finally {
      boxes.delete();
      neighbours.delete();
    }
  },
  release: (mat) => mat.delete(),
};

/** One pass in WebAssembly, on the thread that asks for it. */
export async function runPassInWasm(task: GrayTask): Promise<HaarProposal[]> {
  await openCvReady();
  try {
    return runPass(openCv, task);
  } catch (error) {
    throw readable(error);
  }
}
