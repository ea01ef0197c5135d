import { type RgbImage, toGray } from '../image.ts';
import { createHaarProposer, HAAR_BESIDE_NETWORK } from './haar/haar.ts';
import type { HaarProposal } from './haar/haar-pass.ts';
import type { Look, Sighting } from './network/look.ts';
import { createNetworkProposer } from './network/network.ts';
import type { NetworkProposal } from './network/network-pass.ts';

/** Every place that network or cascades take for a face, loosely. */
export interface Proposals {
  readonly network: readonly NetworkProposal[];
  /** None where the cascades were not asked. */
  readonly haar: readonly HaarProposal[];
}

export interface Proposers {
  /** @param image picture of the size at which faces are sought; the proposals are in its pixels */
  propose(image: RgbImage, signal?: AbortSignal): Promise<Proposals>;
  /** Has the network look at places in that picture: one sighting a look, in their order. */
  look(image: RgbImage, looks: readonly Look[], signal?: AbortSignal): Promise<readonly Sighting[]>;
  close(): Promise<void>;
}

/** Network and cascades side by side. @param haarThreads threads that the cascades run on; 0: the network alone */
export function createProposers(haarThreads: number): Proposers {
  const network = createNetworkProposer();
  const haar = haarThreads === 0 ? undefined : createHaarProposer(HAAR_BESIDE_NETWORK, { threads: haarThreads });
  return {
    async propose(image, signal) {
      const [ofNetwork, ofHaar] = await Promise.all([
        network.propose(image, signal),
        haar ? haar.propose(toGray(image), signal) : [],
      ]);
      return { network: ofNetwork, haar: ofHaar };
    },
    look: (image, looks, signal) => network.look(image, looks, signal),
    async close() {
      await Promise.all([network.close(), haar?.close()]);
    },
  };
}
