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
  /** Path of the photo; where undefined, a group photo of five people, 1280 x 960 pixels. */
  readonly photo: string | undefined;
  /** Directory of the network. */
  readonly model: string;
  /** Rounds that count; the contenders take turns, after one round that is not counted. */
  readonly rounds: number;
  /** Prints progress. */
  readonly log: (sentence: string) => void;
}

/** Milliseconds of the steps of the bot's walk. */
interface WalkSteps {
  readonly decode: number;
  readonly detect: number;
  /** Converting the picture to gray and cropping all faces. */
  readonly crop: number;
  readonly classify: number;
  /** Drawing boxes and labels onto the picture, and encoding it as a JPEG. */
  readonly draw: number;
  /** From the photo's bytes to the annotated picture's: all steps together. */
  readonly all: number;
}

/** The contenders: the bot, and the peers that load. */
type ContenderId = 'bot' | 'faceApiSsd' | 'faceApiTiny' | 'human';

/** One walk: the time of the part that all contenders do, and for the bot the times of all steps. */
export interface Walk extends WalkAnswer {
  readonly steps?: WalkSteps;
}

interface WalkResult {
  readonly id: ContenderId;
  readonly name: string;
  /** One walk of each counted round, in order. */
  readonly walks: readonly Walk[];
}

/** The group photo. It is scaled to the size of a phone's photo in a chat, and encoded as a JPEG again. */
const GROUP_PHOTO = inRepository('node_modules/@vladmandic/face-api/demo/sample5.jpg');
const GROUP_SIZE = { width: 1280, height: 960 };
const GROUP_QUALITY = 90;

/** The limit on the time of one photo is raised, since nobody waits for an answer here. */
const LIMITS = { ...DEFAULT_LIMITS, maxMilliseconds: 600_000 };

/** Threads of the classifier and of the detector's cascades: the bot's defaults. */
const CLASSIFIER_THREADS = Math.min(4, availableParallelism());
const DETECTOR_THREADS = 2;

/**
 * Times the bot's walk through a photo, with its default detector, and the walk of each peer that loads through the decoded picture:
 * face-api, with its large and its small detector, and Human.
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

/** Times the bot's walk from outside: wrappers of the detector and the classifier note when each is called and when it answers. */
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

/** Two tables: the steps of the bot's walk and, where there are peers, the time of each contender for the part that all do. */
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

/**
 * The result for programs: the faces that each found, medians of the bot's steps in milliseconds, and its time as a share of each peer's.
 */
export function photoJson(results: readonly WalkResult[]) {
  const steps = stepsOf(results);
  const of = (id: ContenderId) => results.find((result) => result.id === id);
  const versus = (id: ContenderId) => {
    const peer = of(id);
    // Null, so that a program sees that the peer was not measured.
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

/** The times of each step, one for each round. */
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
