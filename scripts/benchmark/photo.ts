import { availableParallelism } from 'node:os';
import { type Classifier, loadClassifier } from '../../src/emotion/classifier.ts';
import { createEngine } from '../../src/emotion/engines/create-engine.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { readPhotoFile } from '../../src/photo/photo-file.ts';
import { type PhotoTools, readPhoto } from '../../src/photo/read-photo.ts';
import { startFaceApi, type WalkAnswer } from './face-api.ts';
import { SPREAD, speeds, spread, table, takeTurns } from './rounds.ts';

interface PhotoBenchmark {
  /** Path of the photo. */
  readonly photo: string;
  /** Directory of the network. */
  readonly model: string;
  /** Rounds that count; the contenders take turns, after one round that is not counted. */
  readonly rounds: number;
  /** Says what is going on. */
  readonly log: (sentence: string) => void;
}

/** Milliseconds of the bot's walk. */
interface WalkSteps {
  readonly decode: number;
  readonly detect: number;
  /** Making the picture gray and cutting all faces out of it. */
  readonly crop: number;
  readonly classify: number;
  /** Boxes and words onto the picture, and that into a JPEG. */
  readonly draw: number;
  /** From the photo's bytes to the annotated picture's: all steps together. */
  readonly all: number;
}

/** One walk: the part that can be compared, and all steps where it is the bot's. */
export interface Walk extends WalkAnswer {
  readonly steps?: WalkSteps;
}

interface WalkResult {
  readonly name: string;
  /** Every counted round, in order. */
  readonly walks: readonly Walk[];
}

/** Longest time for one photo: this measures, nobody waits for an answer. */
const LIMITS = { ...DEFAULT_LIMITS, maxMilliseconds: 600_000 };

/** Threads of the classifier and of the detector's cascades, as the bot has them where nobody sets another number. */
const CLASSIFIER_THREADS = Math.min(4, availableParallelism());
const DETECTOR_THREADS = 2;

/**
 * Times the bot's walk through a photo, with its default detector, and where it loads face-api's ssdMobilenetv1 and
 * faceExpressionNet on the decoded picture: the peer, first in the list.
 * @throws UserError where the photo or the network cannot be read
 */
export async function benchmarkPhoto({ photo, model, rounds, log }: PhotoBenchmark): Promise<WalkResult[]> {
  const bytes = await readPhotoFile(photo, LIMITS.maxBytes);
  const { image } = await decodePhoto(bytes, LIMITS);
  const engine = await createEngine('auto', { threads: CLASSIFIER_THREADS });
  const classifier = await loadClassifier(model, { engine });
  const detector = createFaceDetector({ threads: DETECTOR_THREADS });
  const peer = await startFaceApi({ threads: CLASSIFIER_THREADS, log });
  const bot = {
    name: `the bot: cascades and network, ${engine.name} (${engine.device})`,
    walk: (): Promise<Walk> => timedWalk(bytes, { detector, classifier, limits: LIMITS }),
  };
  const contenders = peer
    ? [{ name: `${peer.name}: ssdMobilenetv1, faceExpressionNet`, walk: () => peer.walk(image) }, bot]
    : [bot];
  try {
    const measured = await takeTurns(contenders, rounds, async ({ name, walk }, round) => {
      const one = await walk();
      const times = `detect ${one.detect.toFixed(1)} ms, crop and classify ${one.read.toFixed(1)} ms`;
      log(`${round}: ${name}, faces: ${one.faces}, ${times}`);
      return one;
    });
    return contenders.map(({ name }, k) => ({ name, walks: measured[k]! }));
  } finally {
    await Promise.all([detector.close(), classifier.dispose(), peer?.close()]);
  }
}

/** The bot's walk, timed from outside: the detector and the classifier note when they are called and when they answer. */
async function timedWalk(bytes: Uint8Array, tools: PhotoTools): Promise<Required<Walk>> {
  const times: number[] = [];
  const noting = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    times.push(performance.now());
    const answer = await work();
    times.push(performance.now());
    return answer;
  };
  const detector: FaceDetector = {
    detect: (image, options) => noting(() => tools.detector.detect(image, options)),
    close: () => tools.detector.close(),
  };
  const classifier: Classifier = {
    classify: (crops) => noting(() => tools.classifier.classify(crops)),
    dispose: () => tools.classifier.dispose(),
  };
  const start = performance.now();
  const { faces } = await readPhoto(bytes, { ...tools, detector, classifier });
  const end = performance.now();
  const [detecting, detected, classifying, classified] = times as [number, number, number, number];
  return {
    faces: faces.length,
    detect: detected - detecting,
    read: classified - detected,
    steps: {
      decode: detecting - start,
      detect: detected - detecting,
      crop: classifying - detected,
      classify: classified - classifying,
      draw: end - classified,
      all: end - start,
    },
  };
}

/** The steps of the bot's walk; and where there is a peer, how many times as fast the part is that both do. */
export function photoTable(results: readonly WalkResult[]): string {
  const steps = results.flatMap(({ walks }) => walks.flatMap((walk) => walk.steps ?? []));
  const names = ['decode', 'detect', 'crop', 'classify', 'draw', 'all'] as const;
  const walk = table(
    ['the bot', `ms: ${SPREAD}`],
    names.map((name) => [
      name,
      spread(
        steps.map((one) => one[name]),
        1,
      ),
    ]),
  );
  if (results.length === 1) return walk;
  const together = ({ walks }: WalkResult) => walks.map(({ detect, read }) => detect + read);
  const compared = table(
    ['', 'faces found', 'detect, ms', 'crop and classify, ms', 'together, ms', 'times as fast as the first'],
    results.map((result) => [
      result.name,
      `${result.walks[0]!.faces}`,
      spread(
        result.walks.map(({ detect }) => detect),
        1,
      ),
      spread(
        result.walks.map(({ read }) => read),
        1,
      ),
      spread(together(result), 1),
      spread(speeds(together(results[0]!), together(result)), 2),
    ]),
  );
  return `${walk}\n\nCompared from the decoded picture to a reading of every face found: ${SPREAD}\n\n${compared}`;
}
