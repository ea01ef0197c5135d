import { describe, expect, it } from 'vitest';
import { crossEntropy, likeliest, measure, measureConfusion } from '../../../src/training/run/metrics.ts';

describe('measure', () => {
  it('counts true emotions by row and predicted ones by column', () => {
    const { images, accuracy, macroRecall, recall, confusion } = measure([0, 0, 0, 3, 3, 6], [0, 0, 4, 3, 0, 6]);
    expect(images).toBe(6);
    expect(accuracy).toBeCloseTo(4 / 6, 12);
    expect(confusion[0]).toEqual([2, 0, 0, 0, 1, 0, 0]);
    expect(confusion[3]).toEqual([1, 0, 0, 1, 0, 0, 0]);
    expect(confusion.flat().reduce((sum, n) => sum + n, 0)).toBe(6);
    expect(recall).toEqual({
      angry: 2 / 3,
      disgust: null,
      fear: null,
      happy: 0.5,
      sad: null,
      surprise: null,
      neutral: 1,
    });
    // Over the three emotions that occur, not over seven.
    expect(macroRecall).toBeCloseTo((2 / 3 + 0.5 + 1) / 3, 12);
  });

  it('has no recall for an emotion that was only predicted', () => {
    const { recall, macroRecall } = measure([3], [5]);
    expect(recall.surprise).toBeNull();
    expect(recall.happy).toBe(0);
    expect(macroRecall).toBe(0);
  });

  it('takes no images at all', () => {
    const metrics = measure([], []);
    expect(metrics).toMatchObject({ images: 0, accuracy: 0, macroRecall: 0 });
    expect(Object.values(metrics.recall)).toEqual(Array(7).fill(null));
    expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics);
  });

  it('refuses labels that are no emotion, and lists of different length', () => {
    expect(() => measure([0], [7])).toThrow(RangeError);
    expect(() => measure([-1], [0])).toThrow(RangeError);
    expect(() => measure([0, 1], [0])).toThrow('2 labels but 1 predictions');
  });

  it('follows from its own confusion matrix', () => {
    const metrics = measure([0, 1, 2, 3, 4, 5, 6, 6], [0, 2, 2, 3, 4, 4, 6, 0]);
    expect(measureConfusion(metrics.confusion)).toEqual(metrics);
  });
});

describe('likeliest', () => {
  it('is the first of the largest probabilities in each row', () => {
    const probabilities = new Float32Array([0.1, 0.2, 0.7, 0.4, 0.4, 0.2, 1, 0, 0]);
    expect([...likeliest(probabilities, 3)]).toEqual([2, 0, 0]);
  });
});

describe('crossEntropy', () => {
  it('is the mean of -log(probability of the label), and one that rounds to 0 does not drown the others', () => {
    const sure = [0.5, 0.5, 0, 0, 0, 0, 0];
    expect(crossEntropy(Float32Array.from([...sure, ...sure]), Uint8Array.of(0, 1))).toBeCloseTo(Math.log(2), 6);
    const wrong = crossEntropy(Float32Array.from([...sure, ...sure]), Uint8Array.of(0, 6));
    expect(wrong).toBeCloseTo((Math.log(2) + Math.log(1e7)) / 2, 5);
    expect(crossEntropy(new Float32Array(0), new Uint8Array(0))).toBe(0);
  });
});
