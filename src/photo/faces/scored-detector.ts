import { availableParallelism } from 'node:os';
import type { RgbImage } from '../image.ts';
import { type FaceBox, toBox, toCopy } from './box.ts';
import { inCrowd, searchClosely } from './close-search.ts';
import type { FaceDetector } from './detector.ts';
import { gatherEvidence, type Lean, leansOf } from './evidence.ts';
import { createHaarProposer, HAAR_BESIDE_NETWORK } from './haar/haar.ts';
import { createNetworkProposer, NETWORK_PASSES, type NetworkProposer } from './network/network.ts';
import { gatherPlaces, type Proposals } from './places.ts';
import { isSettled, type KeptFace, keepFaces, readFaceScore, type ScoredDetector } from './score.ts';
import { toSearchPicture } from './search-picture.ts';
import { asItLies, turnBack, turnOf } from './turned.ts';

/**
 * A detector that keeps a face by one fitted score, whoever proposed it: places are proposed, the network looks at each again, the
 * score decides, and a last look at each face tells how far its head leans.
 * @param detector 'fusion': cascades and network; 'network': the network alone
 * @param options.threads threads that the cascades run on, at least 1; the network has one of its own
 */
export function createScoredDetector(detector: ScoredDetector, { threads }: { threads: number }): FaceDetector {
  const score = readFaceScore(detector);
  const proposers = createProposers(detector === 'network' ? 0 : threads);
  const find = async (image: RgbImage, signal?: AbortSignal) => {
    const search = await toSearchPicture(image);
    const places = gatherPlaces(await proposers.propose(search, signal));
    const evidence = await gatherEvidence(
      places,
      (looks) => proposers.network.look(search, looks, signal),
      (place) => isSettled(place, score),
    );
    const whole = keepFaces(evidence, score, search);
    const closer = await searchClosely(image, { search, found: whole, score }, proposers.network, signal);
    if (closer.length === 0) return { search, faces: whole };
    const both = [...evidence, ...closer];
    const faces = keepFaces(both, score, search);
    const crowd = inCrowd(score, faces.length);
    return { search, faces: crowd === score ? faces : keepFaces(both, crowd, search) };
  };
  const findAndSet = async (image: RgbImage, signal?: AbortSignal): Promise<Found> => {
    const { search, faces } = await find(image, signal);
    const leans = await leansOf(faces, (looks) => proposers.network.look(search, looks, signal));
    return { image, search, faces: faces.map((face, k) => ({ face, lean: leans[k]! })) };
  };
  return {
    async detect(image, { signal } = {}) {
      const found = await findAndSet(image, signal);
      const turn = await turnOf(found.search, found.faces, score, proposers.network, signal);
      if (turn !== undefined) {
        const upright = await turnBack(image, turn);
        const better = await findAndSet(upright, signal);
        if (better.faces.length > 0 && better.faces.length >= found.faces.length)
          return toBoxes(better).map((face) => asItLies(face, upright, turn));
      }
      return toBoxes(found);
    },
    close: () => proposers.close(),
  };
}

/** What was found in a picture. */
interface Found {
  readonly image: RgbImage;
  /** The copy of it that was searched. */
  readonly search: RgbImage;
  /** In pixels of that copy. */
  readonly faces: readonly { readonly face: KeptFace; readonly lean: Lean }[];
}

/** In pixels of the picture. */
function toBoxes({ image, search, faces }: Found): FaceBox[] {
  return faces.map(({ face, lean }) => ({
    ...toCopy(toBox(face.square), search, image),
    angle: lean.angle,
    score: face.score,
  }));
}

/** What proposes places and looks at them again. */
export interface Proposers {
  /** @param image picture of the size at which faces are sought; the proposals are in its pixels */
  propose(image: RgbImage, signal?: AbortSignal): Promise<Proposals>;
  /** Looks again, and in other ways. */
  readonly network: NetworkProposer;
  close(): Promise<void>;
}

/** Network and cascades side by side. @param haarThreads threads that the cascades run on; 0: the network alone */
export function createProposers(haarThreads: number): Proposers {
  const network = createNetworkProposer({ threads: Math.min(2, availableParallelism()) });
  const haar = haarThreads === 0 ? undefined : createHaarProposer(HAAR_BESIDE_NETWORK, { threads: haarThreads });
  return {
    network,
    async propose(image, signal) {
      const [ofNetwork, ofHaar] = await Promise.all([
        network.propose(image, NETWORK_PASSES, signal),
        haar ? haar.propose(image, signal) : [],
      ]);
      return { network: ofNetwork, haar: ofHaar };
    },
    async close() {
      await Promise.all([network.close(), haar?.close()]);
    },
  };
}
