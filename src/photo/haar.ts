import sharp from 'sharp';
import { createWorkerPool } from '../jobs/worker-pool.ts';
import { gatherCandidates, isFace, toFaceBox } from './candidates.ts';
import type { FaceDetector } from './faces.ts';
import type { HaarPass, HaarProposal, HaarTask } from './haar-pass.ts';
import { type RgbImage, toGray } from './image.ts';

/**
 * Faces are sought on a picture that fits in here. A pass takes time in proportion to the area, and the
 * hits that verify a face were chosen at this size.
 */
const SEARCH_SIZE = { width: 1280, height: 960 };
/** Smaller pictures are enlarged towards that size, but no more than this: faces in thumbnails are small. */
const MOST_ENLARGED = 2;
/** Smallest face sought, in pixels of the picture that is searched: below it hits are mostly false. */
const MIN_FACE = 30;

/** Degrees that the tilted passes turn the picture by: the upright cascade still sees heads that lean some 12 degrees. */
const TILT = 22;

/**
 * The passes that propose faces, loosely: what speaks for a place in all of them together is weighed afterwards. alt2 finds more
 * faces with fewer false ones than the default cascade; heads that lean need the picture turned.
 */
export const HAAR_PASSES: readonly HaarPass[] = [0, TILT, -TILT].map((angle) => ({
  cascade: 'haarcascade_frontalface_alt2.xml',
  angle,
  scaleFactor: 1.1,
  minNeighbours: 2,
}));

/** How much larger (or smaller) the searched picture is than the given one. */
export function searchScale(width: number, height: number): number {
  return Math.min(SEARCH_SIZE.width / width, SEARCH_SIZE.height / height, MOST_ENLARGED);
}

async function resized(image: RgbImage, scale: number): Promise<RgbImage> {
  if (scale === 1) return image;
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer();
  return { width, height, data };
}

/** The embedded detector: OpenCV's cascades in WebAssembly, one pass a task, on worker threads. */
export function createHaarDetector({ threads }: { threads: number }): FaceDetector {
  const pool = createWorkerPool<HaarTask, HaarProposal[]>(new URL('./haar-worker.ts', import.meta.url), { threads });
  return {
    async detect(image, { signal } = {}) {
      const search = await resized(image, searchScale(image.width, image.height));
      const gray = toGray(search);
      const proposals = await Promise.all(
        HAAR_PASSES.map((pass) => pool.run({ image: gray, pass, minFace: MIN_FACE }, signal)),
      );
      const faces = gatherCandidates(proposals.flat()).filter(isFace).map(toFaceBox);
      const x = image.width / search.width;
      const y = image.height / search.height;
      return faces.map((face) => ({
        ...face,
        x: face.x * x,
        y: face.y * y,
        width: face.width * x,
        height: face.height * y,
      }));
    },
    close: () => pool.close(),
  };
}
