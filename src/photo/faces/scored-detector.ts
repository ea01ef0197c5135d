import type { FaceDetector } from './create-detector.ts';
import { gatherEvidence } from './evidence.ts';
import { leanLooks, leanOf } from './lean.ts';
import { gatherPlaces, toBox } from './places.ts';
import { createProposers } from './proposals.ts';
import { keepFaces, readFaceScore, type ScoredDetector } from './score.ts';
import { toGivenPicture, toSearchPicture } from './search-picture.ts';

/**
 * A detector that keeps a face by one fitted score, whoever proposed it: places are proposed, the network looks at each again, the
 * score decides, and a last look at each face tells how far its head leans.
 * @param detector 'fusion': cascades and network; 'network': the network alone
 * @param options.threads threads that the cascades run on, at least 1; the network has one of its own
 */
export function createScoredDetector(detector: ScoredDetector, { threads }: { threads: number }): FaceDetector {
  const score = readFaceScore(detector);
  const proposers = createProposers(detector === 'network' ? 0 : threads);
  return {
    async detect(image, { signal } = {}) {
      const search = await toSearchPicture(image);
      const places = gatherPlaces(await proposers.propose(search, signal));
      const evidence = await gatherEvidence(places, (looks) => proposers.look(search, looks, signal));
      const faces = keepFaces(evidence, score);
      const looks = faces.flatMap(({ square }) => leanLooks(square));
      const sightings = await proposers.look(search, looks, signal);
      const each = looks.length / faces.length;
      return faces.map((face, k) => ({
        ...toGivenPicture(toBox(face.square), search, image),
        angle: leanOf(sightings.slice(k * each, (k + 1) * each), face.angle),
        score: face.score,
      }));
    },
    close: () => proposers.close(),
  };
}
