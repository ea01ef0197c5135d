import { clamp } from '../../base/numbers.ts';
import { FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { sampleAt } from '../../photo/image.ts';

/** How one crop is changed. All random choices are made. */
export interface Transform {
  /** Mirrored left to right, before everything else. */
  readonly flip: boolean;
  /** Radians; positive turns the picture clockwise, as seen with y pointing down. */
  readonly angle: number;
  /** Factor: above 1 the face gets larger. */
  readonly scale: number;
  /** Pixels the picture moves right and down, after turning and scaling. */
  readonly dx: number;
  readonly dy: number;
  /** Factor on each pixel's distance from the crop's mean. */
  readonly contrast: number;
  /** Added to every pixel, which is 0..1. */
  readonly brightness: number;
}

export const IDENTITY: Transform = { flip: false, angle: 0, scale: 1, dx: 0, dy: 0, contrast: 1, brightness: 0 };

/**
 * Resamples a crop once (bilinear; pixels outside repeat the nearest edge) and then adjusts its contrast and brightness,
 * clipped to 0..1.
 * @param crop 2304 gray bytes
 * @param out receives 2304 grays 0..1 from `offset` on
 */
export function applyTransform(crop: Uint8Array, transform: Transform, out: Float32Array, offset: number): void {
  resample(crop, transform, out, offset);
  if (transform.contrast !== 1 || transform.brightness !== 0) adjust(transform, out, offset);
}

const CROP = { width: FACE_SIZE, height: FACE_SIZE };

/**
 * Samples the crop at the inverse of: flip, then turn and scale about the centre, then shift. `wayBack` of the photos' boxes is not used:
 * it has no scale and rounds differently, so that a training with the same seed would no longer give the same weights.
 */
function resample(crop: Uint8Array, t: Transform, out: Float32Array, offset: number): void {
  const centre = (FACE_SIZE - 1) / 2;
  const cos = Math.cos(t.angle) / t.scale;
  const sin = Math.sin(t.angle) / t.scale;
  const mirror = t.flip ? -1 : 1;
  for (let v = 0; v < FACE_SIZE; v++) {
    const b = v - centre - t.dy;
    for (let u = 0; u < FACE_SIZE; u++) {
      const a = u - centre - t.dx;
      const x = centre + mirror * (cos * a + sin * b);
      const y = centre - sin * a + cos * b;
      out[offset + v * FACE_SIZE + u] = sampleAt(crop, CROP, x, y) / 255;
    }
  }
}

function adjust(t: Transform, out: Float32Array, offset: number): void {
  const end = offset + FACE_PIXELS;
  let sum = 0;
  for (let p = offset; p < end; p++) sum += out[p]!;
  const mean = sum / FACE_PIXELS;
  for (let p = offset; p < end; p++) out[p] = clamp(mean + t.contrast * (out[p]! - mean) + t.brightness, 0, 1);
}
