import { availableParallelism } from 'node:os';
import type { RgbImage } from '../image.ts';
import { type FaceBox, toBox, toCopy } from './box.ts';
import { searchClosely, thresholdInCrowd } from './close-search.ts';
import type { FaceDetector, OpenCvChoice } from './detector.ts';
import { type Evidence, gatherEvidence, type Lean, leansOf, withHits } from './evidence.ts';
import { createHaarWitness, type HaarWitness } from './haar/haar.ts';
import { createNetworkProposer, NETWORK_PASSES, type NetworkProposer } from './network/network.ts';
import { gatherPlaces } from './places.ts';
import { isInDoubt, isSettled, type KeptFace, keepFaces, readFaceScore, type ScoredDetector, scored } from './score.ts';
import { toSearchPicture } from './search-picture.ts';
import { asItLies, turnBack, turnOf } from './turned.ts';

/**
 * A detector that keeps a face by a fitted score: the network proposes places and looks at each again, the score decides, and a last look
 * at each face tells how far its head leans.
 * @param detector 'fusion': where the score leaves doubt, the cascade is asked about the place as well; 'network': the network alone
 */
export function createScoredDetector(detector: ScoredDetector, openCv: OpenCvChoice = 'auto'): FaceDetector {
  const score = readFaceScore('network');
  const withCascade = readFaceScore('fusion');
  const proposers = createProposers(openCv);
  const { network, witness } = proposers;
  const weigh = async (search: RgbImage, evidence: readonly Evidence[], signal?: AbortSignal) => {
    const places = scored(evidence, score);
    if (detector === 'network') return places;
    const doubtful = places.map((_, k) => k).filter((k) => isInDoubt(places[k]!, search));
    const squares = doubtful.map((k) => places[k]!.proposed);
    const hits = await witness.hitsAt(search, squares, signal);
    for (const [n, k] of doubtful.entries()) places[k] = scored([withHits(places[k]!, hits[n]!)], withCascade)[0]!;
    return places;
  };
  const find = async (image: RgbImage, signal?: AbortSignal) => {
    const search = await toSearchPicture(image);
    const places = gatherPlaces(await network.propose(search, NETWORK_PASSES, signal));
    const evidence = await gatherEvidence(
      places,
      (looks) => network.look(search, looks, signal),
      (place) => isSettled(place, score),
    );
    const weighed = await weigh(search, evidence, signal);
    const whole = keepFaces(weighed, score.threshold, search);
    const closer = await searchClosely(image, { search, found: whole, score }, network, signal);
    if (closer.length === 0) return { search, faces: whole };
    const both = [...weighed, ...scored(closer, score)];
    const faces = keepFaces(both, score.threshold, search);
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
      const turn = await turnOf(found.search, found.faces, score, network, signal);
      if (turn !== undefined) {
        const upright = await turnBack(image, turn);
        const better = await findAndSet(upright, signal);
        if (better.faces.length > 0 && better.faces.length >= found.faces.length)
          return toBoxes(better).map((face) => asItLies(face, upright, turn));
      }
      return toBoxes(found);
    },
    ...(detector === 'fusion' && { prepare: () => witness.hitsAt(BLANK, [{ centreX: 32, centreY: 32, side: 32 }]) }),
    close: () => proposers.close(),
  };
}

/** Shown to the cascade so that it is loaded. */
const BLANK: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) };

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

/** What looks at pictures. */
interface Proposers {
  /** Proposes places and looks at them again. */
  readonly network: NetworkProposer;
  /** Says what the cascade makes of a place. */
  readonly witness: HaarWitness;
  close(): Promise<void>;
}

/** The network, and the cascade, which is loaded with the first place that it is asked about. */
export function createProposers(openCv?: OpenCvChoice): Proposers {
  const network = createNetworkProposer({ threads: Math.min(2, availableParallelism()) });
  const witness = createHaarWitness(openCv);
  return {
    network,
    witness,
    async close() {
      await Promise.all([network.close(), witness.close()]);
    },
  };
}
