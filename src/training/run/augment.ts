import { PURPOSE, Random, shuffledOrder } from '../../base/random.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { standardise } from '../../emotion/views.ts';
import type { Rectangle } from '../../photo/faces/box.ts';
import type { FaceSet } from '../data/face-set.ts';
import { followTeacher, writeDistribution, writeTarget } from './targets.ts';
import { applyTone, drawTone } from './tone.ts';
import { applyTransform, IDENTITY, type Transform } from './transform.ts';

/** How far a crop may be changed at random. All are 0 for a crop left as it is. */
export interface AugmentationOptions {
  /** Probability of mirroring, 0..1. */
  readonly flip: number;
  /** Largest turn either way, in degrees. */
  readonly rotation: number;
  /** Largest change of size either way, as a fraction. */
  readonly scale: number;
  /** Largest shift along each axis either way, as a fraction of the crop's 48 pixels. */
  readonly shift: number;
  /** Largest change of contrast either way, as a fraction. */
  readonly contrast: number;
  /** Largest change of brightness either way, as a fraction of white. */
  readonly brightness: number;
  /** Probability of erasing one random rectangle, 0..1 (Zhong et al. 2020, arXiv 1708.04896). */
  readonly erasing: number;
  /**
   * How far tones and sharpness may be changed, 0..1: gamma, light from one side, lower resolution, blur, noise, each at
   * random. Standardising a crop undoes changes of contrast and brightness, but none of these.
   */
  readonly tone: number;
}

/** The recipe that took a 1.2 M parameter network to 68 % on PrivateTest. */
export const DEFAULT_AUGMENTATION: AugmentationOptions = {
  flip: 0.5,
  rotation: 15,
  scale: 0.12,
  shift: 0.07,
  contrast: 0.25,
  brightness: 0.1,
  erasing: 0.3,
  tone: 0,
};

/** How a data set becomes batches. Two equal plans over the same set give the same batches, bit for bit. */
export interface BatchPlan {
  /** Samples a batch. */
  readonly batchSize: number;
  /** 0..2^32-1. */
  readonly seed: number;
  readonly augmentation: AugmentationOptions | 'none';
  /** 0..1; 0.1 is usual. */
  readonly labelSmoothing: number;
  /** One factor per emotion, in label order; all 1 by default. */
  readonly classWeights?: readonly number[] | undefined;
  /** Share of the teacher's probabilities in the targets, where the set has a teacher, 0..1. */
  readonly teacherWeight?: number | undefined;
}

/** What batches are made of. */
export interface Samples extends Pick<FaceSet, 'pixels' | 'labels'> {
  /** count * 7 probabilities from a teacher, in label order. */
  readonly teacher?: Float32Array | undefined;
  /** count * 7 targets, such as shares of votes, in place of the labels. */
  readonly targets?: Float32Array | undefined;
}

/** The samples of one training step, as a TrainingSession takes them. */
export interface Batch {
  /** batchSize * 2304 normalised inputs; there is one channel, so NCHW and NHWC are the same. */
  readonly x: Float32Array<ArrayBuffer>;
  /** batchSize * 7 targets. */
  readonly y: Float32Array<ArrayBuffer>;
  /** Which epoch, and which of its batches, this is; both from 0. */
  readonly epoch: number;
  readonly index: number;
}

/** Share of a crop's area that erasing takes, and the height : width ratio of the rectangle: the paper's bounds. */
const ERASED_AREA = [0.02, 0.33] as const;
const ERASED_RATIO = [0.3, 3.3] as const;

/** @throws RangeError if a number of the plan is outside of what its comment allows */
export function checkPlan(plan: BatchPlan): void {
  const within = (name: string, value: number, low: number, high: number) => {
    if (!(value >= low && value <= high)) throw new RangeError(`${name} is ${value}, not within ${low}..${high}`);
  };
  if (!Number.isInteger(plan.batchSize)) throw new RangeError(`batchSize is ${plan.batchSize}, not a whole number`);
  within('batchSize', plan.batchSize, 1, 65536);
  if (!Number.isInteger(plan.seed)) throw new RangeError(`seed is ${plan.seed}, not a whole number`);
  within('seed', plan.seed, 0, 2 ** 32 - 1);
  within('labelSmoothing', plan.labelSmoothing, 0, 1);
  if (plan.teacherWeight !== undefined) within('teacherWeight', plan.teacherWeight, 0, 1);
  const weights = plan.classWeights;
  if (weights && (weights.length !== EMOTIONS.length || weights.some((weight) => !(weight >= 0)))) {
    throw new RangeError(`classWeights must be ${EMOTIONS.length} numbers of at least 0`);
  }
  if (plan.augmentation === 'none') return;
  const { flip, rotation, scale, shift, contrast, brightness, erasing, tone } = plan.augmentation;
  within('flip', flip, 0, 1);
  within('rotation', rotation, 0, 180);
  within('scale', scale, 0, 0.9);
  within('shift', shift, 0, 1);
  within('contrast', contrast, 0, 1);
  within('brightness', brightness, 0, 1);
  within('erasing', erasing, 0, 1);
  within('tone', tone, 0, 1);
}

/**
 * Makes batch `index` of an epoch: the samples at positions index * batchSize to (index + 1) * batchSize - 1 of `order`,
 * augmented, normalised, with their targets. What happens to a sample derives from (seed, epoch, position) alone, so
 * batches can be made anywhere and in any order.
 * @param order the epoch's order, `shuffledOrder(faces.count, plan.seed, epoch)`
 */
export function augmentBatch(faces: Samples, order: Uint32Array, plan: BatchPlan, epoch: number, index: number): Batch {
  const n = plan.batchSize;
  const x = new Float32Array(n * FACE_PIXELS);
  const y = new Float32Array(n * EMOTIONS.length);
  const erased: (Rectangle | undefined)[] = [];
  for (let k = 0; k < n; k++) {
    const position = index * n + k;
    const sample = order[position]!;
    const random = new Random(PURPOSE.augmentation, plan.seed, epoch, position);
    const crop = faces.pixels.subarray(sample * FACE_PIXELS, (sample + 1) * FACE_PIXELS);
    applyTransform(crop, drawTransform(random, plan.augmentation), x, k * FACE_PIXELS);
    erased.push(drawErasing(random, plan.augmentation));
    const label = faces.labels[sample]!;
    const weight = plan.classWeights?.[label] ?? 1;
    if (plan.augmentation !== 'none' && plan.augmentation.tone > 0)
      applyTone(x, k * FACE_PIXELS, drawTone(random, plan.augmentation.tone), random);
    if (faces.targets) writeDistribution(faces.targets, sample, plan.labelSmoothing, weight, y, k * EMOTIONS.length);
    else writeTarget(label, plan.labelSmoothing, weight, y, k * EMOTIONS.length);
    if (faces.teacher) followTeacher(faces.teacher, sample, plan.teacherWeight ?? 0, weight, y, k * EMOTIONS.length);
  }
  for (let k = 0; k < n; k++) {
    standardise(x, k * FACE_PIXELS);
    const rectangle = erased[k];
    // 0 is the mean of a normalised crop, so the erased part is gray and does not shift other pixels.
    if (rectangle) fillRectangle(x, k * FACE_PIXELS, rectangle, 0);
  }
  return { x, y, epoch, index };
}

/** Makes batches one after the other; the order of the epoch under way is drawn once. */
export class Augmenter {
  readonly #samples: Samples;
  readonly #plan: BatchPlan;
  #order: Uint32Array = new Uint32Array(0);
  #epoch = -1;

  constructor(samples: Samples, plan: BatchPlan) {
    this.#samples = samples;
    this.#plan = plan;
  }

  /** Batch `index` of an epoch, both from 0. */
  make(epoch: number, index: number): Batch {
    if (epoch !== this.#epoch) this.#order = shuffledOrder(this.#samples.labels.length, this.#plan.seed, epoch);
    this.#epoch = epoch;
    return augmentBatch(this.#samples, this.#order, this.#plan, epoch, index);
  }
}

/** Draws what is done to one crop. */
export function drawTransform(random: Random, options: AugmentationOptions | 'none'): Transform {
  if (options === 'none') return IDENTITY;
  const around = (range: number) => random.between(-range, range);
  return {
    flip: random.chance(options.flip),
    angle: (around(options.rotation) * Math.PI) / 180,
    scale: 1 + around(options.scale),
    dx: around(options.shift) * FACE_SIZE,
    dy: around(options.shift) * FACE_SIZE,
    contrast: 1 + around(options.contrast),
    brightness: around(options.brightness),
  };
}

/** Draws the rectangle to erase, if any: its area evenly, its ratio evenly in the logarithm, its place evenly. */
export function drawErasing(random: Random, options: AugmentationOptions | 'none'): Rectangle | undefined {
  if (options === 'none' || !random.chance(options.erasing)) return undefined;
  const area = random.between(...ERASED_AREA) * FACE_PIXELS;
  const ratio = Math.exp(random.between(Math.log(ERASED_RATIO[0]), Math.log(ERASED_RATIO[1])));
  const height = Math.min(FACE_SIZE, Math.round(Math.sqrt(area * ratio)));
  const width = Math.min(FACE_SIZE, Math.round(Math.sqrt(area / ratio)));
  return { x: random.below(FACE_SIZE - width + 1), y: random.below(FACE_SIZE - height + 1), width, height };
}

function fillRectangle(x: Float32Array, offset: number, rectangle: Rectangle, value: number): void {
  for (let row = rectangle.y; row < rectangle.y + rectangle.height; row++) {
    const start = offset + row * FACE_SIZE + rectangle.x;
    x.fill(value, start, start + rectangle.width);
  }
}
