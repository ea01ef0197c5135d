import { type Random, shuffledOrder } from '../base/random.ts';
import { FACE_PIXELS } from '../emotion/labels.ts';
import { OUTLINES, type OutlineScore, probabilityBy } from '../photo/outlines.ts';
import { applyTransform, IDENTITY } from '../training/run/transform.ts';

/** Epochs over the examples, the first step size of the descent, and the weight decay at each step. */
const EPOCHS = 25;
const FIRST_STEP = 0.016;
const DECAY = 2.5e-5;

/** A crop's outlines, and whether its score should be high. */
export interface OutlineExample {
  readonly numbers: Float32Array;
  readonly wanted: boolean;
}

/** Fits a score by stochastic gradient descent, rounded to four decimals. The same examples and seed give the same score. */
export function fitOutlines(examples: readonly OutlineExample[], seed: number): OutlineScore {
  const coefficients = Array<number>(OUTLINES).fill(0);
  let intercept = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const [n, row] of [...shuffledOrder(examples.length, seed, epoch)].entries()) {
      const { wanted, numbers } = examples[row]!;
      const step = FIRST_STEP * (1 - (epoch + n / examples.length) / EPOCHS);
      const error = step * (probabilityBy({ intercept, coefficients }, numbers) - (wanted ? 1 : 0));
      intercept -= error;
      for (let k = 0; k < OUTLINES; k++) coefficients[k]! -= error * numbers[k]! + step * DECAY * coefficients[k]!;
    }
  }
  const rounded = (value: number) => Number(value.toFixed(4));
  return { intercept: rounded(intercept), coefficients: coefficients.map(rounded) };
}

/** How far two detections of one face differ at most, either way. */
export interface Framing {
  /** Radians. */
  readonly lean: number;
  /** Pixels of a crop, across and down. */
  readonly shift: number;
  /** Share of its size. */
  readonly scale: number;
}

/** Of a face that can be seen whole, and of one that is covered in part: the detector frames that elsewhere, larger or smaller. */
export const CLOSE: Framing = { lean: 0.15, shift: 3, scale: 0.12 };
export const LOOSE: Framing = { lean: 0.25, shift: 4.5, scale: 0.18 };

/** The crop as another detection of the same face might frame it. */
export function moved(crop: Uint8Array, random: Random, { lean, shift, scale }: Framing): Uint8Array {
  const grays = new Float32Array(FACE_PIXELS);
  const transform = {
    ...IDENTITY,
    flip: random.chance(0.5),
    angle: random.between(-lean, lean),
    scale: random.between(1 - scale, 1 + scale),
    dx: random.between(-shift, shift),
    dy: random.between(-shift, shift),
  };
  applyTransform(crop, transform, grays, 0);
  return Uint8Array.from(grays, (gray) => Math.round(255 * gray));
}
