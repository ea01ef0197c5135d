/** The nearest number to `value` from `least` to `most`. */
export function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** The probability (0..1) with the given log odds. */
export function logistic(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

/** Log odds of a probability, which lies between 0 and 1. */
export function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** Mean and standard deviation of bytes. @param values at least one */
export function spreadOf(values: Uint8Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

/** A share (0..1) in whole percent: "91 %". */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** A difference of two shares in percentage points with its sign: 0.032 is "+3.2". */
export function points(difference: number): string {
  const tenths = Math.round(1000 * difference);
  return `${tenths < 0 ? '−' : '+'}${(Math.abs(tenths) / 10).toFixed(1)}`;
}

/** A share (0..1) in percent with one decimal, the form for figures of networks: "91.3 %". */
export function exactPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A time in whole minutes, rounded up: "a minute", "3 minutes". @param ms more than 0 */
export function inMinutes(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}
