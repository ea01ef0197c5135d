import { clamp } from '../../base/numbers.ts';
import type { Random } from '../../base/random.ts';
import { FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { sampleAt } from '../../photo/image.ts';

/** How tones and sharpness of one crop are changed. All random choices are made, except the noise. */
export interface Tone {
  /** Exponent on every gray 0..1: below 1 lightens shadows, above 1 darkens them. */
  readonly gamma: number;
  /** Light from one side: the factor on gray goes from 1 - shade to 1 + shade across the crop ... */
  readonly shade: number;
  /** ... in this direction, in radians. */
  readonly shadeAngle: number;
  /** Pixels a side to which the crop is reduced before it is enlarged again; 48 leaves it as it is. */
  readonly resolution: number;
  /** Weight of the neighbours in a 3 x 3 blur, 0 (none) .. 1 (a box). */
  readonly blur: number;
  /** Standard deviation of the noise added to every gray. */
  readonly noise: number;
}

/** The largest logarithm of gamma: 0.4 to 2.5. */
const GAMMA = Math.log(2.5);
/** The smallest face, in pixels a side, whose blur is imitated. */
const LOWEST_RESOLUTION = 14;
/** How often a crop gets side light, a lower resolution, blur and noise at full strength. */
const OFTEN = { shade: 0.4, resolution: 0.3, blur: 0.3, noise: 0.3 };

/** Draws how one crop's tones are changed. @param strength 0 (not at all) .. 1 */
export function drawTone(random: Random, strength: number): Tone {
  const gamma = Math.exp(random.between(-GAMMA, GAMMA) * strength);
  const shade = random.chance(OFTEN.shade * strength) ? random.between(0, 0.6) : 0;
  const shadeAngle = random.between(-Math.PI, Math.PI);
  const resolution = random.chance(OFTEN.resolution * strength)
    ? LOWEST_RESOLUTION + random.below(FACE_SIZE - LOWEST_RESOLUTION)
    : FACE_SIZE;
  const blur = random.chance(OFTEN.blur * strength) ? random.next() : 0;
  const noise = random.chance(OFTEN.noise * strength) ? random.between(0, 0.06) : 0;
  return { gamma, shade, shadeAngle, resolution, blur, noise };
}

/**
 * Changes a crop's tones and sharpness in place: resolution and blur, then light, gamma and noise, clipped to 0..1.
 * @param x grays 0..1, of which 2304 from `offset` on are changed
 * @param random where the noise comes from
 */
export function applyTone(x: Float32Array, offset: number, tone: Tone, random: Random): void {
  const crop = x.subarray(offset, offset + FACE_PIXELS);
  if (tone.resolution < FACE_SIZE) reduce(crop, tone.resolution);
  if (tone.blur > 0) blur(crop, tone.blur);
  const cos = (Math.cos(tone.shadeAngle) * tone.shade * 2) / FACE_SIZE;
  const sin = (Math.sin(tone.shadeAngle) * tone.shade * 2) / FACE_SIZE;
  const centre = (FACE_SIZE - 1) / 2;
  for (let row = 0, p = 0; row < FACE_SIZE; row++) {
    for (let column = 0; column < FACE_SIZE; column++, p++) {
      const light = 1 + cos * (column - centre) + sin * (row - centre);
      const gray = clamp(crop[p]! * light, 0, 1) ** tone.gamma;
      // The sum of three uniform numbers is nearly normal. Each has a variance of a twelfth.
      const grain = tone.noise > 0 ? tone.noise * 2 * (random.next() + random.next() + random.next() - 1.5) : 0;
      crop[p] = clamp(gray + grain, 0, 1);
    }
  }
}

/** Reduces a crop to `size` pixels a side by the mean over each pixel's area, then enlarges it again, bilinearly. */
function reduce(crop: Float32Array, size: number): void {
  const across = averaged(crop, FACE_SIZE, size);
  const small = transposed(averaged(transposed(across, FACE_SIZE, size), size, size), size, size);
  const ratio = size / FACE_SIZE;
  for (let row = 0, p = 0; row < FACE_SIZE; row++) {
    const y = (row + 0.5) * ratio - 0.5;
    for (let column = 0; column < FACE_SIZE; column++, p++)
      crop[p] = sampleAt(small, { width: size, height: size }, (column + 0.5) * ratio - 0.5, y);
  }
}

/** Reduces each of `rows` rows of 48 pixels to `size` pixels, each the mean of the area that it covers. */
function averaged(x: Float32Array, rows: number, size: number): Float32Array {
  const out = new Float32Array(rows * size);
  const step = FACE_SIZE / size;
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < size; k++) {
      const [from, to] = [k * step, Math.min(FACE_SIZE, (k + 1) * step)];
      let sum = 0;
      for (let p = Math.floor(from); p < to; p++) {
        const share = Math.min(to, p + 1) - Math.max(from, p);
        sum += share * x[row * FACE_SIZE + p]!;
      }
      out[row * size + k] = sum / (to - from);
    }
  }
  return out;
}

function transposed(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = x[r * columns + c]!;
  return out;
}

/** Mixes every pixel with the mean of the 3 x 3 pixels around it; pixels outside repeat the nearest edge. */
function blur(crop: Float32Array, weight: number): void {
  const source = crop.slice();
  const last = FACE_SIZE - 1;
  for (let row = 0, p = 0; row < FACE_SIZE; row++) {
    const up = Math.max(0, row - 1) * FACE_SIZE;
    const here = row * FACE_SIZE;
    const down = Math.min(last, row + 1) * FACE_SIZE;
    for (let column = 0; column < FACE_SIZE; column++, p++) {
      let sum = 0;
      for (const at of [Math.max(0, column - 1), column, Math.min(last, column + 1)])
        sum += source[up + at]! + source[here + at]! + source[down + at]!;
      crop[p] = source[p]! + weight * (sum / 9 - source[p]!);
    }
  }
}
