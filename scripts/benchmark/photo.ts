import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { type Classifier, loadClassifier } from '../../src/emotion/classifier.ts';
import { createEngine } from '../../src/emotion/engines/create-engine.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { readPhotoFile } from '../../src/photo/photo-file.ts';
import { type PhotoTools, readPhoto, warmUp } from '../../src/photo/read-photo.ts';
import { inRepository } from '../command-line.ts';
import { startFaceApi } from './face-api.ts';
import { startHuman } from './human.ts';
import type { WalkAnswer } from './peer.ts';
import { median, SPREAD, speeds, spread, table, takeTurns } from './rounds.ts';

interface PhotoBenchmark {
  /** Path of the photo; without one, a group photo of five people, 1280 x 960 pixels. */
  readonly photo: string | undefined;
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

/** Who takes a turn: the bot, and the peers that load. */
type ContenderId = 'bot' | 'faceApiSsd' | 'faceApiTiny' | 'human';

/** One walk: the part that can be compared, and all steps where it is the bot's. */
export interface Walk extends WalkAnswer {
  readonly steps?: WalkSteps;
}

interface WalkResult {
  readonly id: ContenderId;
  readonly name: string;
  /** Every counted round, in order. */
  readonly walks: readonly Walk[];
}

/** The group photo: brought to the size that a phone's photo has in a chat, and a JPEG again. */
const GROUP_PHOTO = inRepository('node_modules/@vladmandic/face-api/demo/sample5.jpg');
const GROUP_SIZE = { width: 1280, height: 960 };
const GROUP_QUALITY = 90;

/** Longest time for one photo: this measures, nobody waits for an answer. */
const LIMITS = { ...DEFAULT_LIMITS, maxMilliseconds: 600_000 };

/** Threads of the classifier and of the detector's cascades, as the bot has them where nobody sets another number. */
const CLASSIFIER_THREADS = Math.min(4, availableParallelism());
const DETECTOR_THREADS = 2;

/**
 * Times the bot's walk through a photo, with its default detector, and on the decoded picture the peers that load: face-api, with its large
 * and its small detector, and Human.
 * @returns the bot first
 * @throws UserError where the photo or the network cannot be read
 */
export async function benchmarkPhoto({ photo, model, rounds, log }: PhotoBenchmark): Promise<WalkResult[]> {
  const bytes = await (photo === undefined ? groupPhoto() : readPhotoFile(photo, LIMITS.maxBytes));
  const { image } = await decodePhoto(bytes, LIMITS);
  const engine = await createEngine('auto', { threads: CLASSIFIER_THREADS });
  const classifier = await loadClassifier(model, { engine });
  const detector = createFaceDetector({ threads: DETECTOR_THREADS });
  const [faceApi, human] = await Promise.all([startFaceApi({ threads: CLASSIFIER_THREADS, log }), startHuman({ log })]);
  const peers = [
    faceApi && {
      id: 'faceApiSsd' as const,
      name: `${faceApi.name}: ssdMobilenetv1, faceExpressionNet`,
      walk: () => faceApi.walk(image, 'ssdMobilenetv1'),
    },
    faceApi && {
      id: 'faceApiTiny' as const,
      name: `${faceApi.name}: tinyFaceDetector, faceExpressionNet`,
      walk: () => faceApi.walk(image, 'tinyFaceDetector'),
    },
    human && {
      id: 'human' as const,
      name: `${human.name}: detector, mesh, emotion`,
      walk: () => human.ask<WalkAnswer>({ kind: 'walk', ...image }),
    },
  ];
  const tools = { detector, classifier, limits: LIMITS };
  const bot = {
    id: 'bot' as const,
    name: `the bot, ${engine.name} (${engine.device})`,
    walk: (): Promise<Walk> => timedWalk(bytes, tools),
  };
  const contenders = [bot, ...peers.flatMap((peer) => peer ?? [])];
  try {
    await warmUp(tools);
    const measured = await takeTurns(contenders, rounds, async ({ name, walk }, round) => {
      const one = await walk();
      log(`${round}: ${name}, faces: ${one.faces}, ${one.milliseconds.toFixed(1)} ms`);
      return one;
    });
    return contenders.map(({ id, name }, k) => ({ id, name, walks: measured[k]! }));
  } finally {
    await Promise.all([detector.close(), classifier.dispose(), faceApi?.close(), human?.close()]);
  }
}

async function groupPhoto(): Promise<Uint8Array> {
  const { width, height } = GROUP_SIZE;
  return await sharp(GROUP_PHOTO).resize(width, height).jpeg({ quality: GROUP_QUALITY }).toBuffer();
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
    milliseconds: classified - detecting,
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

const STEPS: readonly (keyof WalkSteps)[] = ['decode', 'detect', 'crop', 'classify', 'draw', 'all'];

/** The steps of the bot's walk; and where there are peers, how long each takes over the part that all do. */
export function photoTable(results: readonly WalkResult[]): string {
  const steps = stepsOf(results);
  const walk = table(
    ['the bot', `ms: ${SPREAD}`],
    STEPS.map((name) => [name, spread(steps[name], 1)]),
  );
  const [bot, ...peers] = results;
  if (peers.length === 0) return walk;
  const compared = table(
    ['', 'faces found', `ms: ${SPREAD}`, "the bot's time as a part of it"],
    results.map((result) => [
      result.name,
      `${result.walks[0]!.faces}`,
      spread(times(result), 1),
      spread(speeds(times(bot!), times(result)), 2),
    ]),
  );
  return `${walk}\n\nFrom the decoded picture to a reading of every face found\n\n${compared}`;
}

/** Faces found by each, medians of the bot's steps in milliseconds, and its time as a part of each peer's; for programs. */
export function photoJson(results: readonly WalkResult[]) {
  const steps = stepsOf(results);
  const of = (id: ContenderId) => results.find((result) => result.id === id);
  const versus = (id: ContenderId) => {
    const peer = of(id);
    // Null rather than nothing, so that a program sees that it was not measured.
    return peer ? round(median(speeds(times(of('bot')!), times(peer))), 3) : null;
  };
  return {
    faces: Object.fromEntries(results.map(({ id, walks }) => [id, walks[0]!.faces])),
    steps: Object.fromEntries(STEPS.map((name) => [name, round(median(steps[name]), 1)])),
    ratios: {
      versusFaceApiSsd: versus('faceApiSsd'),
      versusFaceApiTiny: versus('faceApiTiny'),
      versusHuman: versus('human'),
    },
  };
}

/** The times of each step, one a round. */
function stepsOf(results: readonly WalkResult[]): Record<keyof WalkSteps, readonly number[]> {
  const walks = results.flatMap((result) => result.walks.flatMap((walk) => walk.steps ?? []));
  const each = (name: keyof WalkSteps) => walks.map((walk) => walk[name]);
  return {
    decode: each('decode'),
    detect: each('detect'),
    crop: each('crop'),
    classify: each('classify'),
    draw: each('draw'),
    all: each('all'),
  };
}

function times({ walks }: WalkResult): readonly number[] {
  return walks.map(({ milliseconds }) => milliseconds);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
