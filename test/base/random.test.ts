import { describe, expect, it } from 'vitest';
import { Random, shuffledOrder } from '../../src/base/random.ts';

const draws = (random: Random, n: number) => Array.from({ length: n }, () => random.next());
const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const variance = (values: number[]) => {
  const centre = mean(values);
  return mean(values.map((v) => (v - centre) ** 2));
};

describe('Random', () => {
  it('derives from its keys alone, and from each of them and their order', () => {
    expect(draws(new Random(1, 2, 3), 5)).toEqual(draws(new Random(1, 2, 3), 5));
    const firsts = [
      new Random(1, 2, 3),
      new Random(2, 1, 3),
      new Random(1, 2, 4),
      new Random(0, 2, 3),
      new Random(1, 2),
    ];
    expect(new Set(firsts.map((random) => random.next())).size).toBe(firsts.length);
  });

  it('is even over [0, 1)', () => {
    const values = draws(new Random(5), 20_000);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(mean(values)).toBeCloseTo(0.5, 2);
    expect(variance(values)).toBeCloseTo(1 / 12, 2);
  });

  it('has no relation between neighbouring keys', () => {
    const firsts = Array.from({ length: 20_000 }, (_, position) => new Random(2, 42, 7, position).next());
    expect(mean(firsts)).toBeCloseTo(0.5, 2);
    const covariance = mean(firsts.slice(1).map((value, i) => (value - 0.5) * (firsts[i]! - 0.5)));
    // A twelfth would be full correlation; the standard error here is 0.0006.
    expect(Math.abs(covariance)).toBeLessThan(0.003);
  });
});

describe('shuffledOrder', () => {
  it('is a permutation that depends on seed and epoch', () => {
    const order = shuffledOrder(1000, 3, 4);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(shuffledOrder(1000, 3, 4)).toEqual(order);
    expect(shuffledOrder(1000, 3, 5)).not.toEqual(order);
    expect(shuffledOrder(1000, 4, 4)).not.toEqual(order);
  });

  it('gives every order of three alike', () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 6000; epoch++) {
      const key = shuffledOrder(3, 1, epoch).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 1000 expected each, standard deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('takes nothing and one', () => {
    expect([...shuffledOrder(0, 1, 1)]).toEqual([]);
    expect([...shuffledOrder(1, 1, 1)]).toEqual([0]);
  });
});
