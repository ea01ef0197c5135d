import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { CASCADES, type OpenCv } from './pass.ts';

/** The parts of @u4/opencv4nodejs' binary that a pass takes; the package's own types need the package. */
interface NativeModule {
  readonly version: { readonly major: number; readonly minor: number; readonly revision: number };
  readonly Mat: {
    new (bytes: Uint8Array, rows: number, columns: number, type: number): NativeMat;
    new (rows: readonly (readonly number[])[], type: number): NativeMat;
  };
  readonly Size: new (width: number, height: number) => NativeSize;
  readonly Rect: new (x: number, y: number, width: number, height: number) => NativeRect;
  readonly CascadeClassifier: new (file: string) => NativeCascade;
  setNumThreads(count: number): void;
}
interface NativeSize {
  readonly width: number;
  readonly height: number;
}
interface NativeRect extends NativeSize {
  readonly x: number;
  readonly y: number;
}
interface NativeMat {
  readonly rows: number;
  readonly cols: number;
  warpAffine(matrix: NativeMat, size: NativeSize, flags: number, border: number): NativeMat;
  getRegion(part: NativeRect): NativeMat;
  resize(rows: number, columns: number, scaleX: number, scaleY: number, interpolation: number): NativeMat;
  release(): void;
}
interface NativeCascade {
  detectMultiScale(
    mat: NativeMat,
    scaleFactor: number,
    minNeighbours: number,
    flags: number,
    minSize: NativeSize,
  ): { readonly objects: readonly NativeRect[]; readonly numDetections: readonly number[] };
}

/** OpenCV's own numbers for kinds of pixels, interpolations and borders. */
const CV_8UC1 = 0;
const CV_64F = 6;
const INTER_LINEAR = 1;
const BORDER_CONSTANT = 0;

/**
 * Loads the package's binary, without its JavaScript, which looks for an OpenCV to build. The binary holds its classes once a process:
 * loaded on two threads, one would be given the other's. So one thread of a process loads it, and no other ever does.
 * @throws the system's error if it cannot be loaded
 */
export function loadNativeOpenCv(binary: string): { readonly openCv: OpenCv<NativeMat>; readonly version: string } {
  const cv = createRequire(import.meta.url)(binary) as NativeModule;
  // Hits come in the order in which they were found, which varies with several threads.
  cv.setNumThreads(1);
  const cascades = new Map<string, NativeCascade>();
  const loaded = (name: string) => {
    const cascade = cascades.get(name) ?? new cv.CascadeClassifier(fileURLToPath(new URL(name, CASCADES)));
    cascades.set(name, cascade);
    return cascade;
  };
  const { major, minor, revision } = cv.version;
  return {
    version: `${major}.${minor}.${revision}`,
    openCv: {
      fromGray: ({ data, width, height }) => new cv.Mat(data, height, width, CV_8UC1),
      sizeOf: (mat) => ({ width: mat.cols, height: mat.rows }),
      move(mat, forward, { width, height }) {
        const matrix = new cv.Mat([forward.slice(0, 3), forward.slice(3)], CV_64F);
        try {
          return mat.warpAffine(matrix, new cv.Size(width, height), INTER_LINEAR, BORDER_CONSTANT);
        } finally {
          matrix.release();
        }
      },
      resizePart(mat, { x, y, width, height }, size) {
        const part = mat.getRegion(new cv.Rect(x, y, width, height));
        try {
          return part.resize(size.height, size.width, 0, 0, INTER_LINEAR);
        } finally {
          part.release();
        }
      },
      detect(cascade, mat, { scaleFactor, minNeighbours, minSize }) {
        const smallest = new cv.Size(minSize, minSize);
        const { objects, numDetections } = loaded(cascade).detectMultiScale(
          mat,
          scaleFactor,
          minNeighbours,
          0,
          smallest,
        );
        return objects.map(({ x, y, width }, k) => ({ x, y, width, neighbours: numDetections[k]! }));
      },
      release: (mat) => mat.release(),
    },
  };
}
