/** The nearest number to `value` from `least` to `most`. */
export function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** The probability (0..1) whose log odds are these. */
export function logistic(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

/** Log odds of a probability, which lies between 0 and 1. */
export function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** A share (0..1) as percent: "91 %", or "91.3 %" with one digit. @param digits after the point */
export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)} %`;
}
