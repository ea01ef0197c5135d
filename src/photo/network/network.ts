import { createWorkerPool } from '../../jobs/worker-pool.ts';
import type { RgbImage } from '../image.ts';
import type { NetworkPass, NetworkProposal, NetworkTask } from './network-pass.ts';

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

/** What the network takes for faces. */
export interface NetworkProposer {
  /** @param image picture of the size at which faces are sought; the proposals are in its pixels */
  propose(image: RgbImage, signal?: AbortSignal): Promise<NetworkProposal[]>;
  close(): Promise<void>;
}

/** The tiny face detector on a worker thread of its own. */
export function createNetworkProposer(): NetworkProposer {
  const worker = new URL('./network-worker.ts', import.meta.url);
  const pool = createWorkerPool<NetworkTask, NetworkProposal[]>(worker, { threads: 1, uninterruptible: true });
  return {
    propose: (image, signal) => pool.run({ image, passes: NETWORK_PASSES, least: LEAST_SCORE }, signal),
    close: () => pool.close(),
  };
}
