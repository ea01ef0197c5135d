/**
 * One cycle of the learning rate (Smith & Topin 2018, arXiv 1708.07120): up from peak / 25 and down to almost nothing,
 * each along half a cosine.
 */
export interface OneCycle {
  /** The highest learning rate. */
  readonly peak: number;
  /** Share of the steps in which it rises, 0..1. */
  readonly warmUp: number;
  /** The last learning rate is the first one divided by this. */
  readonly finalDivisor: number;
}

/** The first learning rate is the peak divided by this, as in PyTorch's OneCycleLR. */
const START_DIVISOR = 25;

/** The learning rate of step `step` (from 0) of `steps`. */
export function oneCycle({ peak, warmUp, finalDivisor }: OneCycle, step: number, steps: number): number {
  const start = peak / START_DIVISOR;
  const top = Math.max(0, warmUp * steps - 1);
  if (step < top) return along(start, peak, step / top);
  const rest = steps - 1 - top;
  return along(peak, start / finalDivisor, rest > 0 ? Math.min(1, (step - top) / rest) : 1);
}

/** From `a` at 0 to `b` at 1 along half a cosine. */
function along(a: number, b: number, share: number): number {
  return b + ((a - b) * (1 + Math.cos(Math.PI * share))) / 2;
}
