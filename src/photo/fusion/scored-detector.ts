import type { FaceDetector } from '../faces.ts';
import { toGivenPicture, toSearchPicture } from '../search-picture.ts';
import { gatherEvidence } from './evidence.ts';
import { keepFaces, readFaceScore, type ScoredDetector } from './face-score.ts';
import { createProposers } from './proposals.ts';

/**
 * A detector that keeps a face by one fitted score, whoever proposed it.
 * @param detector 'fusion': cascades and network; 'network': the network alone
 * @param options.threads threads that the cascades run on, at least 1; the network has one of its own
 */
export function createScoredDetector(detector: ScoredDetector, { threads }: { threads: number }): FaceDetector {
  const score = readFaceScore(detector);
  const proposers = createProposers(detector === 'network' ? 0 : threads);
  return {
    async detect(image, { signal } = {}) {
      const search = await toSearchPicture(image);
      const faces = keepFaces(gatherEvidence(await proposers.propose(search, signal)), score);
      return faces.map((face) => ({
        ...toGivenPicture(face.box, search, image),
        angle: face.angle,
        score: face.score,
      }));
    },
    close: () => proposers.close(),
  };
}
