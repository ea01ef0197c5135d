/** The step of Weyl's sequence in SplitMix: 2^32 divided by the golden ratio, made odd. */
const GOLDEN = 0x9e3779b9;

/** Start value of the second hash, so that it differs from the first: the first bits of the fraction of the square root of 2. */
const ROOT_2 = 0x6a09e667;

/** MurmurHash3's 32-bit finaliser (Appleby): every bit of the result depends on every bit of the argument. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Random numbers that depend only on whole-number keys (0..2^32-1), such as (seed, epoch, position). The same keys give the
 * same numbers on any thread and in any order. It is a 32-bit SplitMix (Steele, Lea & Flood, 2014): the n-th number is a hash
 * of start + n * step, where start and step are hashes of the keys.
 */
export class Random {
  private state: number;
  private readonly step: number;

  constructor(...keys: number[]) {
    let start = 0;
    let step = ROOT_2;
    for (const key of keys) {
      start = mix(start + GOLDEN + mix(key));
      step = mix(step ^ mix(key + GOLDEN));
    }
    this.state = start;
    this.step = step | 1;
  }

  /** A number in [0, 1), in steps of 2^-32. */
  next(): number {
    this.state = (this.state + this.step) >>> 0;
    return mix(this.state) / 2 ** 32;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/** A key for each purpose, so that draws for different purposes with the same (seed, epoch, position) differ. */
export const PURPOSE = { order: 1, augmentation: 2, weights: 4, dropout: 5, sheet: 6 } as const;

/** The numbers 0..n-1 in the random order of an epoch (Fisher and Yates' shuffle). */
export function shuffledOrder(n: number, seed: number, epoch: number): Uint32Array {
  const random = new Random(PURPOSE.order, seed, epoch);
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const j = random.below(i + 1);
    order[i] = order[j]!;
    order[j] = i;
  }
  return order;
}
