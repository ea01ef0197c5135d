import { availableParallelism } from 'node:os';
import type { RgbImage } from '../image.ts';
import { type FaceBox, toBox, toCopy } from './box.ts';
import { inCrowd, searchClosely } from './close-search.ts';
import type { FaceDetector } from './detector.ts';
import { gatherEvidence, leanLooks, leanOf } from './evidence.ts';
import { createHaarProposer, HAAR_BESIDE_NETWORK } from './haar/haar.ts';
import { createNetworkProposer, NETWORK_PASSES, type NetworkProposer } from './network/network.ts';
import { gatherPlaces, type Proposals } from './places.ts';
import { type KeptFace, keepFaces, readFaceScore, type ScoredDetector } from './score.ts';
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
    const evidence = await gatherEvidence(places, (looks) => proposers.network.look(search, looks, signal));
    const whole = keepFaces(evidence, score, search);
    const closer = await searchClosely(image, search, whole, proposers.network, signal);
    if (closer.length === 0) return { search, faces: whole };
    const both = [...evidence, ...closer];
    const faces = keepFaces(both, score, search);
    const crowd = inCrowd(score, faces.length);
    return { search, faces: crowd === score ? faces : keepFaces(both, crowd, search) };
  };
  const toBoxes = async (image: RgbImage, { search, faces }: Found, signal?: AbortSignal): Promise<FaceBox[]> => {
    const looks = faces.flatMap(({ square }) => leanLooks(square));
    const sightings = await proposers.network.look(search, looks, signal);
    const each = looks.length / faces.length;
    return faces.map((face, k) => ({
      ...toCopy(toBox(face.square), search, image),
      angle: leanOf(sightings.slice(k * each, (k + 1) * each), face.angle),
      score: face.score,
    }));
  };
  return {
    async detect(image, { signal } = {}) {
      const found = await find(image, signal);
      const turn = await turnOf(found.search, found.faces, score, proposers.network, signal);
      if (turn !== undefined) {
        const upright = await turnBack(image, turn);
        const better = await find(upright, signal);
        if (surest(better) > surest(found))
          return (await toBoxes(upright, better, signal)).map((face) => asItLies(face, upright, turn));
      }
      return await toBoxes(image, found, signal);
    },
    close: () => proposers.close(),
  };
}

/** What was found in a picture, in pixels of the copy that was searched. */
interface Found {
  readonly search: RgbImage;
  readonly faces: readonly KeptFace[];
}

function surest({ faces }: Found): number {
  return Math.max(0, ...faces.map((face) => face.score));
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
