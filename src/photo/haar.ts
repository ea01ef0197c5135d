import { createWorkerPool } from '../jobs/worker-pool.ts';
import { gatherCandidates, isFace, toFaceBox } from './candidates.ts';
import type { FaceDetector } from './faces.ts';
import type { HaarPass, HaarProposal, HaarTask } from './haar-pass.ts';
import { type GrayImage, toGray } from './image.ts';
import { toGivenPicture, toSearchPicture } from './search-picture.ts';

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

/** What the cascades take for faces. */
export interface HaarProposer {
  /** @param image gray picture of the size at which faces are sought; the proposals are in its pixels */
  propose(image: GrayImage, signal?: AbortSignal): Promise<HaarProposal[]>;
  close(): Promise<void>;
}

/** OpenCV's cascades in WebAssembly, one pass a task, on worker threads. */
export function createHaarProposer({ threads }: { threads: number }): HaarProposer {
  const pool = createWorkerPool<HaarTask, HaarProposal[]>(new URL('./haar-worker.ts', import.meta.url), { threads });
  return {
    async propose(image, signal) {
      const passes = HAAR_PASSES.map((pass) => pool.run({ image, pass, minFace: MIN_FACE }, signal));
      return (await Promise.all(passes)).flat();
    },
    close: () => pool.close(),
  };
}

/** The embedded detector: the cascades alone. */
export function createHaarDetector({ threads }: { threads: number }): FaceDetector {
  const haar = createHaarProposer({ threads });
  return {
    async detect(image, { signal } = {}) {
      const search = await toSearchPicture(image);
      const proposals = await haar.propose(toGray(search), signal);
      const faces = gatherCandidates(proposals).filter(isFace).map(toFaceBox);
      return faces.map((face) => toGivenPicture(face, search, image));
    },
    close: () => haar.close(),
  };
}
