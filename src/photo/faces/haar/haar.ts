import { createWorkerPool } from '../../../base/workers.ts';
import { inSharedMemory, type RgbImage } from '../../image.ts';
import type { Point, Square } from '../box.ts';
import type { OpenCvChoice } from '../detector.ts';

/** One run of a face cascade over a whole picture. */
export interface HaarPass {
  /** File name in model/cascades. */
  readonly cascade: string;
  /** Degrees that the heads sought lean clockwise: the picture is turned back by it before the cascade runs. */
  readonly angle: number;
  /** Each size of face sought is this many times the last. */
  readonly scaleFactor: number;
  /** A face needs more than this many overlapping hits. */
  readonly minNeighbours: number;
}

/** How the cascades look at a picture. */
interface HaarLook {
  readonly passes: readonly HaarPass[];
  /** Smallest face sought, in pixels of the picture. */
  readonly minFace: number;
  /** Whether to look for eyes in what was found. */
  readonly eyes: boolean;
}

/** What a worker is asked to do: one pass. */
export interface HaarTask extends Omit<HaarLook, 'passes'> {
  readonly image: RgbImage;
  readonly pass: HaarPass;
  readonly openCv: OpenCvChoice;
}

/** What a pass takes for a face, before anything is verified; in pixels of the task's image. */
export interface HaarProposal extends Square {
  /** The pass's angle, degrees clockwise. */
  readonly angle: number;
  /** Overlapping hits that were joined into this one. */
  readonly neighbours: number;
  /** Centres of the eyes found in it; none where they were not looked for. */
  readonly eyes: readonly Point[];
}

/** Degrees that the tilted passes turn the picture by: the upright cascade still sees heads that lean some 12 degrees. */
const TILT = 22;

const upright: HaarPass = {
  cascade: 'haarcascade_frontalface_alt2.xml',
  angle: 0,
  scaleFactor: 1.1,
  minNeighbours: 2,
};

/**
 * Settings for a detector that uses the cascades alone. They propose loosely; the evidence of all passes is weighed afterwards.
 * alt2 finds more faces with fewer false ones than the default cascade. Leaning heads need the picture turned. Below 30 pixels
 * hits are mostly false.
 */
export const HAAR_ALONE: HaarLook = {
  passes: [0, TILT, -TILT].map((angle) => ({ ...upright, angle })),
  minFace: 30,
  eyes: true,
};

/** What the cascades take for faces. */
interface HaarProposer {
  /** @param image picture of the size at which faces are sought; the proposals are in its pixels */
  propose(image: RgbImage, signal?: AbortSignal): Promise<HaarProposal[]>;
  close(): Promise<void>;
}

/** OpenCV's cascades, one pass a task, on worker threads. */
export function createHaarProposer(
  look: HaarLook,
  { threads, openCv = 'auto' }: { threads: number; openCv?: OpenCvChoice },
): HaarProposer {
  const pool = createWorkerPool<HaarTask, HaarProposal[]>(new URL('./haar-worker.ts', import.meta.url), { threads });
  const { passes, ...how } = look;
  return {
    async propose(image, signal) {
      const shared = inSharedMemory(image);
      return (
        await Promise.all(passes.map((pass) => pool.run({ ...how, image: shared, pass, openCv }, signal)))
      ).flat();
    },
    close: () => pool.close(),
  };
}
