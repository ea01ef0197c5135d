import { availableParallelism } from 'node:os';
import type { RgbImage } from '../image.ts';
import { type FaceBox, toBox, toCopy } from './box.ts';
import { mayHideFaces, searchClosely, thresholdInCrowd } from './close-search.ts';
import type { FaceDetector } from './detector.ts';
import { gatherEvidence, leansOf } from './evidence.ts';
import { createNetworkProposer, NETWORK_PASSES, type NetworkProposer } from './network/network.ts';
import { gatherPlaces } from './places.ts';
import { type KeptFace, keepFaces, mayChange, readFaceScore, scored } from './score.ts';
import { toSearchPicture } from './search-picture.ts';
import { asItLies, turnBack, turnOf } from './turned.ts';
import { frameTwoHeads } from './two-heads.ts';

/**
 * A detector with a fitted score. The network proposes places and looks at each again, the score decides which are faces, and a last look
 * at each face measures how far its head leans.
 */
export function createScoredDetector(): FaceDetector {
  const score = readFaceScore();
  const network = createDetectorNetwork();
  const find = async (image: RgbImage, signal?: AbortSignal) => {
    // For a large photo, another thread makes a smaller copy meanwhile.
    const hides = mayHideFaces(image, network, signal);
    hides.catch(() => {});
    const search = await toSearchPicture(image);
    const places = gatherPlaces(await network.propose(search, NETWORK_PASSES, signal));
    const evidence = await gatherEvidence(
      places,
      (looks) => network.look(search, looks, signal),
      (place, stage) => mayChange(place, stage, score, search),
    );
    const weighed = scored(evidence, score);
    const whole = keepFaces(weighed, score.threshold, search);
    const closer = await searchClosely(image, { search, found: whole, score, hides }, network, signal);
    const both = [...weighed, ...scored(closer, score)];
    const faces = closer.length === 0 ? whole : keepFaces(both, score.threshold, search);
    const threshold = thresholdInCrowd(score.threshold, faces.length);
    return { search, faces: threshold === score.threshold ? faces : keepFaces(both, threshold, search) };
  };
  const findAndSet = async (image: RgbImage, signal?: AbortSignal): Promise<Found> => {
    const { search, faces } = await find(image, signal);
    const leans = await leansOf(faces, (looks) => network.look(search, looks, signal));
    return { image, search, faces: faces.map((face, k) => ({ face, lean: leans[k]! })) };
  };
  return {
    async detect(image, { signal } = {}) {
      const found = await findAndSet(image, signal);
      const turn = await turnOf(
        found.search,
        found.faces.map(({ face }) => face),
        score,
        network,
        signal,
      );
      if (turn !== undefined) {
        const upright = await turnBack(image, turn);
        const better = await findAndSet(upright, signal);
        if (better.faces.length > 0 && better.faces.length >= found.faces.length)
          return toBoxes(better).map((face) => asItLies(face, upright, turn));
      }
      return toBoxes(found);
    },
    async frameTwoHeads(image, boxes, { signal } = {}) {
      const search = await toSearchPicture(image);
      const shown = boxes.map((box) => toCopy(box, image, search));
      return await frameTwoHeads(shown, (looks) => network.look(search, looks, signal));
    },
    close: () => network.close(),
  };
}

/** What was found in a picture. */
interface Found {
  readonly image: RgbImage;
  /** The copy of it that was searched. */
  readonly search: RgbImage;
  /** In pixels of that copy. */
  readonly faces: readonly { readonly face: KeptFace; readonly lean: number }[];
}

/** In pixels of the picture. */
function toBoxes({ image, search, faces }: Found): FaceBox[] {
  return faces.map(({ face, lean }) => ({
    ...toCopy(toBox(face.square), search, image),
    angle: lean,
    score: face.score,
  }));
}

/** The network that proposes places and looks at them again, on two threads where the machine has them. */
export function createDetectorNetwork(): NetworkProposer {
  return createNetworkProposer({ threads: Math.min(2, availableParallelism()) });
}
