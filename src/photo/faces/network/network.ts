import { createWorkerPool } from '../../../base/workers.ts';
import { inSharedMemory, type RgbImage } from '../../image.ts';
import type { NetworkFrame, Point, Square } from '../box.ts';

/** One look of the network at a whole picture. */
export interface NetworkPass {
  /**
   * Side of the square that the picture is fitted into, in pixels; a multiple of 32. Small faces need a large side, large faces a small
   * one.
   */
  readonly side: number;
  /** Degrees clockwise by which the heads that are sought lean: the picture is turned back by this angle first. */
  readonly angle: number;
  /** Width of the mirrored margin around the picture, as a part of the picture's longer side; 0 for none. */
  readonly margin: number;
  /** Height of the smallest face that the pass is for, as a part of the picture's shorter side; absent for all faces. */
  readonly fills?: number;
  /**
   * Top left corner of the tile that is shown, `side` pixels of the picture wide and high; absent for the whole picture. A face that a
   * tile's edge cuts is left to the next tile.
   */
  readonly corner?: Point;
}

/** One look of the network at a place in the picture. */
export interface Look {
  /** The supposed face, in pixels of the picture. */
  readonly place: Square;
  /** Degrees clockwise by which the head is supposed to lean: the place is turned back by this angle. */
  readonly angle: number;
  /** Side of the square that the network is shown, in pixels; a multiple of 32. */
  readonly pixels: number;
  /** Whether it is shown the mirror image. */
  readonly mirrored: boolean;
}

/** The result of a look: the surest face at that place. */
export interface Sighting {
  /** 0..1, not below LEAST_SIGHTING. */
  readonly score: number;
  /** The face's square, in pixels of the picture; absent if there was none. */
  readonly square?: Square;
}

/** A worker's task: to look at a whole picture, or at places in it. */
export interface NetworkTask {
  readonly image: RgbImage;
  readonly passes: readonly NetworkPass[];
  /** Lowest score of a proposal, between 0 and 1. */
  readonly least: number;
  readonly looks: readonly Look[];
}

export interface NetworkAnswer {
  /** Of all passes. */
  readonly proposals: readonly NetworkProposal[];
  /** One for each look, in their order. */
  readonly sightings: readonly Sighting[];
}

/** A face that a pass proposes, not yet verified; in pixels of the task's image. */
export interface NetworkProposal extends NetworkFrame {
  /** The pass that proposed it. */
  readonly pass: NetworkPass;
  /** How sure the network is, 0..1. */
  readonly score: number;
}

/**
 * The passes over a picture. The network misses large faces at a large size and small faces at a small one, so it looks at two
 * sizes. With the margin these show the picture as large as 416 and 738 pixels without one. For heads that lean by more than
 * about 20 degrees the picture must be turned. Chosen among sizes of 320 to 1024, margins of 0 and 0.15, and turns of 22 to
 * 45 degrees: docs/faces.md. A face that fills its picture, such as an avatar cut at chin and forehead, is only seen in
 * a tiny copy, with and without room around it.
 */
export const NETWORK_PASSES: readonly NetworkPass[] = [
  { side: 512, angle: 0, margin: 0.1 },
  { side: 832, angle: 0, margin: 0.06 },
  { side: 320, angle: 35, margin: 0 },
  { side: 320, angle: -35, margin: 0 },
  { side: 128, angle: 0, margin: 0.15, fills: 0.6 },
  { side: 128, angle: 0, margin: 0.5, fills: 0.6 },
];

/** Lowest score of a proposal. A place that scores less in every pass is not a face. */
export const LEAST_SCORE = 0.05;

/** The main thread's interface to the network. */
export interface NetworkProposer {
  /**
   * Finds proposals for faces in a whole picture.
   * @param image the searched copy of the picture; the proposals are in its pixels
   * @param passes the passes to make: NETWORK_PASSES for a picture as a whole
   */
  propose(image: RgbImage, passes: readonly NetworkPass[], signal?: AbortSignal): Promise<readonly NetworkProposal[]>;
  /**
   * Looks at places in that picture: one sighting per look, in their order. One thread does all looks of a call, so use several calls at
   * once.
   */
  look(image: RgbImage, looks: readonly Look[], signal?: AbortSignal): Promise<readonly Sighting[]>;
  close(): Promise<void>;
}

/**
 * The tiny face detector on threads of its own. The passes over a picture are divided among the threads; calls for looks take turns.
 * @param options.threads largest number of threads; each holds the network, about 50 MB
 */
export function createNetworkProposer({ threads }: { threads: number }): NetworkProposer {
  const worker = new URL('./network-worker.ts', import.meta.url);
  const pool = createWorkerPool<NetworkTask, NetworkAnswer>(worker, {
    threads,
    uninterruptible: true,
    idleThreadsMayEnd: true,
  });
  return {
    async propose(image, passes, signal) {
      const task = { image: inSharedMemory(image), least: LEAST_SCORE, looks: [] };
      const parts = shareOut(passes, threads, (pass) => pass.side ** 2);
      const answers = await Promise.all(parts.map((part) => pool.run({ ...task, passes: part }, signal)));
      return answers.flatMap(({ proposals }) => proposals);
    },
    async look(image, looks, signal) {
      const task = { image: inSharedMemory(image), passes: [], least: LEAST_SCORE };
      return (await pool.run({ ...task, looks }, signal)).sightings;
    },
    close: () => pool.close(),
  };
}

/** Divides work into at most this many parts of about equal cost; none of them is empty. */
function shareOut<Work>(works: readonly Work[], most: number, costOf: (work: Work) => number): Work[][] {
  const parts = Array.from({ length: Math.max(1, Math.floor(most)) }, () => ({ works: [] as Work[], cost: 0 }));
  for (const work of [...works].sort((a, b) => costOf(b) - costOf(a))) {
    const lightest = parts.reduce((least, part) => (part.cost < least.cost ? part : least));
    lightest.works.push(work);
    lightest.cost += costOf(work);
  }
  return parts.map((part) => part.works).filter((part) => part.length > 0);
}
