import { createWorkerPool } from '../../../base/workers.ts';
import type { RgbImage } from '../../image.ts';
import type { Look, Sighting } from './look.ts';
import type { NetworkAnswer, NetworkPass, NetworkProposal, NetworkTask } from './network-pass.ts';

/**
 * How the network looks at a picture. Large faces vanish at a large size and small ones at a small size, so it looks at two; with the
 * margin these show the picture as large as 416 and 738 pixels without one. Heads that lean by more than some 20 degrees need the
 * picture turned. Chosen among sizes of 320 to 1024, margins of 0 and 0.15, and turns of 22 to 45 degrees: docs/faces.md.
 */
export const NETWORK_PASSES: readonly NetworkPass[] = [
  { side: 544, angle: 0, margin: 0.15 },
  { side: 960, angle: 0, margin: 0.15 },
  { side: 416, angle: 35, margin: 0 },
  { side: 416, angle: -35, margin: 0 },
];

/** Lowest score of a proposal: what is weaker in every pass is no face anyway. */
export const LEAST_SCORE = 0.05;

/** The network as the main thread sees it. */
export interface NetworkProposer {
  /**
   * What the network takes for faces in all of a picture.
   * @param image picture of the size at which faces are sought; the proposals are in its pixels
   */
  propose(image: RgbImage, signal?: AbortSignal): Promise<readonly NetworkProposal[]>;
  /** What the network sees at places in that picture: one sighting a look, in their order. */
  look(image: RgbImage, looks: readonly Look[], signal?: AbortSignal): Promise<readonly Sighting[]>;
  close(): Promise<void>;
}

/** The tiny face detector on a worker thread of its own. */
export function createNetworkProposer(): NetworkProposer {
  const worker = new URL('./network-worker.ts', import.meta.url);
  const pool = createWorkerPool<NetworkTask, NetworkAnswer>(worker, { threads: 1, uninterruptible: true });
  return {
    async propose(image, signal) {
      const task = { image, passes: NETWORK_PASSES, least: LEAST_SCORE, looks: [] };
      return (await pool.run(task, signal)).proposals;
    },
    async look(image, looks, signal) {
      if (looks.length === 0) return [];
      return (await pool.run({ image, passes: [], least: LEAST_SCORE, looks }, signal)).sightings;
    },
    close: () => pool.close(),
  };
}
