import { createWorkerPool } from '../../../base/workers.ts';
import { inSharedMemory, type RgbImage } from '../../image.ts';
import { takePixels } from '../../shared-pixels.ts';
import { overlap, type Point, type Rectangle, SAME_PLACE, type Square, toBox } from '../box.ts';
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
  /** Whether the picture is halved first. */
  readonly halved: boolean;
  /** Smallest face sought, in pixels of the picture that is given. */
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
 * All that the cascades can tell, for the detector that they are alone. They propose loosely: what speaks for a place in all passes
 * together is weighed afterwards. alt2 finds more faces with fewer false ones than the default cascade; heads that lean need the
 * picture turned. Below 30 pixels hits are mostly false.
 */
export const HAAR_ALONE: HaarLook = {
  passes: [0, TILT, -TILT].map((angle) => ({ ...upright, angle })),
  halved: false,
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

/** What says whether a cascade, too, sees a face at places that something else took for one. */
export interface HaarWitness {
  /**
   * @param image picture of the size at which faces are sought
   * @param places in pixels of that picture
   * @returns the most overlapping hits at each place, in their order; 0 for none
   */
  hitsAt(image: RgbImage, places: readonly Square[], signal?: AbortSignal): Promise<number[]>;
  close(): Promise<void>;
}

/** The cascade is shown this many times a place's side around its centre, and seeks faces of at least this part of the side. */
const WITNESS_CONTEXT = 2;
const WITNESS_LEAST = 0.6;
/** Places larger than this are shown at half their size, in pixels: the cascade was trained on faces of 20. */
const WITNESS_LARGE = 80;

/** The upright cascade at single places: a few milliseconds each. Its thread, and OpenCV with it (some 100 MB), are started by the first one. */
export function createHaarWitness(openCv: OpenCvChoice = 'auto'): HaarWitness {
  const worker = new URL('./haar-worker.ts', import.meta.url);
  const pool = createWorkerPool<HaarTask, HaarProposal[]>(worker, { threads: 1 });
  const hits = async (image: RgbImage, place: Square, signal?: AbortSignal): Promise<number> => {
    const { centreX, centreY, side } = place;
    const around = cutOut(image, toBox({ ...place, side: WITNESS_CONTEXT * side }));
    if (!around) return 0;
    const how = { halved: side > WITNESS_LARGE, minFace: WITNESS_LEAST * side, eyes: false };
    const proposals = await pool.run({ ...how, image: around.image, pass: upright, openCv }, signal);
    const asked = toBox({ centreX: centreX - around.x, centreY: centreY - around.y, side });
    const here = proposals.filter((proposal) => overlap(toBox(proposal), asked).union > SAME_PLACE);
    return Math.max(0, ...here.map(({ neighbours }) => neighbours));
  };
  return {
    async hitsAt(image, places, signal) {
      const all: number[] = [];
      // One after the other, as the one thread would have it anyway.
      for (const place of places) all.push(await hits(image, place, signal));
      return all;
    },
    close: () => pool.close(),
  };
}

/** What lies in a box, and where its top left corner is; undefined where all of the box lies outside the picture. */
function cutOut(
  image: RgbImage,
  box: Rectangle,
): { readonly image: RgbImage; readonly x: number; readonly y: number } | undefined {
  const x = Math.max(0, Math.floor(box.x));
  const y = Math.max(0, Math.floor(box.y));
  const width = Math.min(image.width, Math.ceil(box.x + box.width)) - x;
  const height = Math.min(image.height, Math.ceil(box.y + box.height)) - y;
  if (width < 1 || height < 1) return undefined;
  const data = takePixels(3 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 3 * ((y + row) * image.width + x);
    data.set(image.data.subarray(from, from + 3 * width), 3 * row * width);
  }
  return { image: { width, height, data }, x, y };
}
