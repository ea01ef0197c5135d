import { createWorkerPool } from '../../../base/workers.ts';
import { inSharedMemory, type RgbImage } from '../../image.ts';
import type { Point, Square } from '../box.ts';
import type { OpenCvChoice } from '../detector.ts';

/** One run of a face cascade over a whole picture. */
export interface HaarPass {
  /** File name in model/cascades. */
  readonly cascade: string;
  /** Degrees clockwise by which the heads that are sought lean: the picture is turned back by this angle first. */
  readonly angle: number;
  /** Scale factor: each size of face that is sought is this many times the previous one. */
  readonly scaleFactor: number;
  /** A face needs more than this many overlapping hits. */
  readonly minNeighbours: number;
}

/** Settings of the cascades. */
interface HaarLook {
  readonly passes: readonly HaarPass[];
  /** Smallest face sought, in pixels of the picture. */
  readonly minFace: number;
  /** Whether to look for eyes in the faces found. */
  readonly eyes: boolean;
}

/** A worker's task: one pass. */
export interface HaarTask extends Omit<HaarLook, 'passes'> {
  readonly image: RgbImage;
  readonly pass: HaarPass;
  readonly openCv: OpenCvChoice;
}

/** A face that a pass proposes, not yet verified; in pixels of the task's image. */
export interface HaarProposal extends Square {
  /** The pass's angle, degrees clockwise. */
  readonly angle: number;
  /** Overlapping hits that were joined into this one. */
  readonly neighbours: number;
  /** Centres of the eyes found in it; empty if no eyes were sought. */
  readonly eyes: readonly Point[];
}

/** Degrees that the tilted passes turn the picture by. The upright cascade still sees heads that lean by about 12 degrees. */
const TILT = 22;

const upright: HaarPass = {
  cascade: 'haarcascade_frontalface_alt2.xml',
  angle: 0,
  scaleFactor: 1.1,
  minNeighbours: 2,
};

/**
 * Settings for a detector that uses only the cascades. The passes propose many places; the evidence of all passes is weighed later.
 * alt2 finds more faces, with fewer false ones, than the default cascade. For leaning heads the picture must be turned. Most hits
 * below 30 pixels are false.
 */
export const HAAR_ALONE: HaarLook = {
  passes: [0, TILT, -TILT].map((angle) => ({ ...upright, angle })),
  minFace: 30,
  eyes: true,
};

/** Proposes faces with the cascades. */
interface HaarProposer {
  /** @param image the searched copy of the picture; the proposals are in its pixels */
  propose(image: RgbImage, signal?: AbortSignal): Promise<HaarProposal[]>;
  close(): Promise<void>;
}

/** OpenCV's cascades on worker threads, one pass per task. */
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
