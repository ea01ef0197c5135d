/**
 * IEEE 754 half precision: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. JavaScript has no Float16Array
 * before Node 24, so numbers are converted by their bits.
 */

/** The largest finite half-precision number; what rounds above it becomes infinite. */
export const FLOAT16_MAX = 65504;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest half-precision number as its 16 bits; ties go to the even one, NaN stays NaN. */
export function toFloat16(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 0xff;
  const fraction = word & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const halfExponent = exponent - 127 + 15;
  if (halfExponent >= 31) return sign | 0x7c00;
  // A carry out of the fraction goes on into the exponent, which is what rounding up to the next power of two means.
  if (halfExponent > 0) return sign | ((halfExponent << 10) + shiftRounded(fraction, 13));
  // Subnormal: the leading one becomes an explicit bit and moves right; below half the smallest step nothing is left.
  return halfExponent < -10 ? sign : sign | shiftRounded(fraction | 0x800000, 14 - halfExponent);
}

/** The number that 16 bits stand for. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** value / 2^by to the nearest integer, ties to even. */
function shiftRounded(value: number, by: number): number {
  const quotient = value >>> by;
  const rest = value - quotient * 2 ** by;
  const half = 2 ** (by - 1);
  return rest > half || (rest === half && quotient % 2 === 1) ? quotient + 1 : quotient;
}
