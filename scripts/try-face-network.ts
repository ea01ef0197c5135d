import { parseArgs } from 'node:util';
import { type Architecture, convolve, halve } from '../src/emotion/architectures.ts';
import type { Predictor } from '../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../src/emotion/engines/onnx.ts';
import { FACE_PIXELS } from '../src/emotion/labels.ts';
import { type Network, unroll, type Weights } from '../src/emotion/network.ts';
import { standardise } from '../src/emotion/normalise.ts';
import { UserError } from '../src/errors.ts';
import { cropFace } from '../src/photo/crop.ts';
import type { Evidence } from '../src/photo/fusion/evidence.ts';
import { toBox } from '../src/photo/fusion/places.ts';
import type { GrayImage } from '../src/photo/image.ts';
import { readEmptyPictures, readKnownPhotos } from '../src/photo/measure/known-photos.ts';
import { Random } from '../src/random.ts';
import { drawTransform } from '../src/training/augment.ts';
import { type FaceSet, faceAt, withoutBlack } from '../src/training/face-set.ts';
import { readFer2013 } from '../src/training/fer2013.ts';
import { initialWeights } from '../src/training/initial-weights.ts';
import { oneCycle } from '../src/training/schedule.ts';
import { applyTransform, IDENTITY } from '../src/training/transform.ts';
import { runTool, wholeNumber } from './command-line.ts';
import {
  examplesOf,
  fitScore,
  inWords,
  judgeAll,
  leaveOneOut,
  lookAt,
  type Seen,
  type SeenByBoth,
  scoredByOthers,
} from './face-evidence.ts';

const USAGE = `Usage: npm run --silent try-face-network -- --data DIR --photos DIR --boxes FILE --empty DIR --held-out DIR
                                          [--steps N] [--seed N]

Trains a small network of our own that tells faces from other things, and compares it with what the detector has: its second look. Nothing
is kept; docs/faces.md has what came out.

  --data DIR      FER2013: its Training faces are the faces to learn from
  --empty DIR     pictures with nobody in them: what cascades and detection network take for faces there, and squares at
                  random, are what is no face
  --photos DIR    photos to compare on
  --boxes FILE    the faces in them, as npm run evaluate reads them
  --held-out DIR  other pictures with nobody in them, to count false faces in
  --steps N       batches of 128 to learn from (default: 3000)
  --seed N        decides where training starts and in which order it goes (default: 1)
  --help          show this
`;

const BATCH = 128;
/** Squares at random in each empty picture, besides what was proposed there. */
const RANDOM_SQUARES = 150;
const THRESHOLD = 0.6;
/** More certainty than this says nothing, in log odds. */
const MOST = 7;

/** About 0.2 million parameters; the bound was half a million. */
const FACE_OR_NOT: Architecture = {
  name: 'face-or-not',
  summary: 'face or not, six 3x3 convolutions on half the size',
  input: [48, 48, 1],
  layers: [
    halve,
    ...convolve(24),
    ...convolve(24),
    halve,
    ...convolve(48),
    ...convolve(48),
    halve,
    ...convolve(96),
    ...convolve(96),
    { kind: 'globalAveragePool' },
    { kind: 'dropout', rate: 0.2 },
    { kind: 'dense', units: 2 },
    { kind: 'softmax' },
  ],
};

/** Faces lean by up to 45 degrees, and nobody frames them exactly. */
const CHANGES = { flip: 0.5, rotation: 45, scale: 0.15, shift: 0.08, contrast: 0.25, brightness: 0.1, erasing: 0 };

await runTool(async (signal) => {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      photos: { type: 'string' },
      boxes: { type: 'string' },
      empty: { type: 'string' },
      'held-out': { type: 'string' },
      steps: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { data, photos, boxes, empty, 'held-out': heldOut } = values;
  if (!data || !photos || !boxes || !empty || !heldOut)
    throw new UserError('bad-usage', 'Name all of --data, --photos, --boxes, --empty and --held-out.');
  const [steps, seed] = [wholeNumber('steps', values.steps), wholeNumber('seed', values.seed)];
  const known = await lookAt(await readKnownPhotos(photos, boxes), signal);
  const nobody = await lookAt(await readEmptyPictures(heldOut), signal);
  const { sets } = await readFer2013(data, { splits: ['Training'], signal });
  const faces = withoutBlack(sets.Training);
  const others = minedFrom(await lookAt(await readEmptyPictures(empty), signal), seed);
  console.log(`${faces.count} faces, ${others.length} crops of other things`);
  const { network, weights } = await learn(faces, others, { steps, seed }, signal);
  console.log(`${network.parameters.toLocaleString('en')} parameters`);
  const predictor = await createOnnxEngine().predictor(network, weights);
  const [knownWith, nobodyWith] = [await withOwn(known, predictor), await withOwn(nobody, predictor)];
  await predictor.dispose();
  // numbers: surest, look, hits, own
  for (const [name, keep] of [
    ['surest, look, hits: as it is', [0, 1, 2]],
    ['surest, own, hits: the own network for the second look', [0, 3, 2]],
    ['surest, look, hits, own: both', [0, 1, 2, 3]],
    ['own, hits: the own network and the cascade', [3, 2]],
  ] as const) {
    const [seen, empties] = [only(knownWith, keep), only(nobodyWith, keep)];
    const score = fitScore(seen, THRESHOLD);
    console.log(name);
    console.log(
      `  ${inWords(judgeAll(seen, score))}; each by the others: ${inWords(leaveOneOut(seen, seen, THRESHOLD))}, ` +
        `log loss ${logLoss(seen).toFixed(1)}; nobody there: ${judgeAll(empties, score).false} false`,
    );
  }
  return 0;
});

/** Crops of everything that was taken for a face in pictures without people, and of squares at random. */
function minedFrom(pictures: readonly SeenByBoth[], seed: number): Uint8Array[] {
  return pictures.flatMap(({ gray, evidence }, k) => {
    const random = new Random(1, seed, k);
    const most = Math.min(gray.width, gray.height);
    const squares = Array.from({ length: RANDOM_SQUARES }, () => {
      const side = Math.min(most, 24 * 2 ** random.between(0, 4));
      const [x, y] = [random.between(0, gray.width - side), random.between(0, gray.height - side)];
      return { x, y, width: side, height: side, angle: random.between(-45, 45) };
    });
    const mined = evidence.fusion.map(({ proposed, angle }) => ({ ...toBox(proposed), angle }));
    return [...mined, ...squares].map((source) => cropFace(gray, source));
  });
}

async function learn(
  faces: FaceSet,
  others: readonly Uint8Array[],
  { steps, seed }: { steps: number; seed: number },
  signal: AbortSignal,
): Promise<{ network: Network; weights: Weights }> {
  const network = unroll(FACE_OR_NOT);
  const session = await createOnnxEngine().trainer(network, initialWeights(network, seed), {
    batchSize: BATCH,
    optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true },
    weightDecay: 5e-4,
    clipNorm: 0,
    averageDecay: 0,
    seed,
  });
  try {
    const cycle = { peak: 0.05, warmUp: 0.15, finalDivisor: 1000 };
    let right = 0;
    for (let index = 0; index < steps; index++) {
      signal.throwIfAborted();
      const batch = batchOf(faces, others, seed, index);
      right += (await session.step({ ...batch, epoch: 0, index }, oneCycle(cycle, index, steps))).correct;
      if ((index + 1) % 500 !== 0) continue;
      console.log(`step ${index + 1}: ${((100 * right) / (500 * BATCH)).toFixed(2)} % right`);
      right = 0;
    }
    return { network, weights: await session.weights() };
  } finally {
    await session.dispose();
  }
}

/** Half faces, half other things, all changed at random. */
function batchOf(faces: FaceSet, others: readonly Uint8Array[], seed: number, index: number) {
  const random = new Random(2, seed, index);
  const x = new Float32Array(BATCH * FACE_PIXELS);
  const y = new Float32Array(BATCH * 2);
  for (let k = 0; k < BATCH; k++) {
    const isFace = k % 2 === 0;
    const crop = isFace ? faceAt(faces, random.below(faces.count)) : others[random.below(others.length)]!;
    applyTransform(crop, drawTransform(random, CHANGES), x, k * FACE_PIXELS);
    standardise(x, k * FACE_PIXELS);
    y[2 * k + (isFace ? 0 : 1)] = 1;
  }
  return { x, y };
}

/** The photos with the own network's log odds, of a place as it is, as a fourth number of each piece of evidence. */
async function withOwn(photos: readonly SeenByBoth[], predictor: Predictor): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const { gray, evidence, ...rest } of photos) {
    const own = await ownLogOdds(gray, evidence.fusion, predictor);
    seen.push({ ...rest, evidence: evidence.fusion.map((one, k) => ({ ...one, numbers: [...one.numbers, own[k]!] })) });
  }
  return seen;
}

async function ownLogOdds(gray: GrayImage, evidence: readonly Evidence[], predictor: Predictor): Promise<number[]> {
  if (evidence.length === 0) return [];
  const x = new Float32Array(2 * evidence.length * FACE_PIXELS);
  evidence.forEach(({ proposed, angle }, k) => {
    const crop = cropFace(gray, { ...toBox(proposed), angle });
    for (const [view, flip] of [false, true].entries()) {
      const at = (2 * k + view) * FACE_PIXELS;
      applyTransform(crop, { ...IDENTITY, flip }, x, at);
      standardise(x, at);
    }
  });
  const probabilities = await predictor.predict(x, 2 * evidence.length);
  return evidence.map((_, k) => {
    const odds = [0, 1].map((view) => {
      const [face, other] = [probabilities[4 * k + 2 * view]!, probabilities[4 * k + 2 * view + 1]!];
      return Math.log((face + 1e-9) / (other + 1e-9));
    });
    // As the other numbers: 0 for none, more for more.
    return MOST + Math.min(MOST, Math.max(-MOST, (odds[0]! + odds[1]!) / 2));
  });
}

function only(photos: readonly Seen[], keep: readonly number[]): Seen[] {
  return photos.map((photo) => ({
    ...photo,
    evidence: photo.evidence.map((one) => ({ ...one, numbers: keep.map((k) => one.numbers[k]!) })),
  }));
}

/** -log of the probability that each photo's examples are given by a score that was fitted to the other photos, all added up. */
function logLoss(seen: readonly Seen[]): number {
  let loss = 0;
  for (const { photo, score } of scoredByOthers(seen, seen, THRESHOLD))
    for (const { numbers, face } of examplesOf([photo])) {
      const odds = score.coefficients.reduce((sum, factor, k) => sum + factor * numbers[k]!, score.intercept);
      loss += Math.log1p(Math.exp(face ? -odds : odds));
    }
  return loss;
}
