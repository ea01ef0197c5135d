import { describe, expect, it, onTestFinished } from 'vitest';
import { shuffledOrder } from '../../../src/base/random.ts';
import { EMOTIONS, FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { normalise } from '../../../src/emotion/views.ts';
import { faceAt } from '../../../src/training/data/face-set.ts';
import { type Batch, DEFAULT_AUGMENTATION } from '../../../src/training/run/augment.ts';
import {
  type BatchSource,
  type BatchSourceOptions,
  createBatchSource,
} from '../../../src/training/run/batch-source.ts';
import { tinyRows, tinySet } from '../../helpers/tiny-fer2013.ts';

const set = tinySet(tinyRows(4)); // 28 faces

const OPTIONS: BatchSourceOptions = {
  set,
  batchSize: 8,
  seed: 11,
  augmentation: DEFAULT_AUGMENTATION,
  labelSmoothing: 0.1,
  threads: 0,
};

function source(options: Partial<BatchSourceOptions>): BatchSource {
  const made = createBatchSource({ ...OPTIONS, ...options });
  onTestFinished(() => made.close());
  return made;
}

async function batches(made: BatchSource, epoch: number, first?: number): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of made.epoch(epoch, first)) all.push(batch);
  return all;
}

describe('createBatchSource', () => {
  it('gives whole batches in order and leaves the rest of the epoch out', async () => {
    const made = source({});
    expect(made.batchesPerEpoch).toBe(3);
    const all = await batches(made, 2);
    expect(all.map(({ epoch, index }) => [epoch, index])).toEqual([
      [2, 0],
      [2, 1],
      [2, 2],
    ]);
    for (const { x, y } of all) {
      expect(x.length).toBe(8 * FACE_PIXELS);
      expect(y.length).toBe(8 * EMOTIONS.length);
    }
  });

  it('makes the same bits on no, one and two threads', async () => {
    const shares = Float32Array.from({ length: set.count * EMOTIONS.length }, (_, k) => (k % 5) / 10);
    const taught = { targets: shares, teacher: shares.map((share) => 1 - share), teacherWeight: 0.3 };
    const inline = await batches(source(taught), 5);
    expect(inline).not.toEqual(await batches(source({}), 5));
    expect(await batches(source({ ...taught, threads: 1 }), 5)).toEqual(inline);
    expect(await batches(source({ ...taught, threads: 2 }), 5)).toEqual(inline);
  });

  it('makes the same bits whichever epoch came before, and can start in the middle of one', async () => {
    const made = source({ threads: 1 });
    const fresh = await batches(made, 1);
    await batches(made, 0);
    expect(await batches(made, 1)).toEqual(fresh);
    expect(await batches(made, 1, 2)).toEqual(fresh.slice(2));
  });

  it('gives other batches in another epoch and with another seed', async () => {
    const [first] = await batches(source({}), 0);
    const [nextEpoch] = await batches(source({}), 1);
    const [otherSeed] = await batches(source({ seed: 12 }), 0);
    expect(nextEpoch!.x).not.toEqual(first!.x);
    expect(otherSeed!.x).not.toEqual(first!.x);
  });

  it('shows every sample once an epoch, as the classifier sees it, when nothing is augmented', async () => {
    const made = source({ augmentation: 'none', labelSmoothing: 0, batchSize: 7 });
    const order = shuffledOrder(set.count, OPTIONS.seed, 0);
    const all = await batches(made, 0);
    const expected = new Float32Array(FACE_PIXELS);
    order.forEach((sample, position) => {
      const { x, y } = all[Math.floor(position / 7)]!;
      const k = position % 7;
      normalise(faceAt(set, sample), expected, 0);
      expect(x.subarray(k * FACE_PIXELS, (k + 1) * FACE_PIXELS)).toEqual(expected);
      const target = EMOTIONS.map((_, c) => (c === set.labels[sample] ? 1 : 0));
      expect([...y.subarray(k * 7, (k + 1) * 7)]).toEqual(target);
    });
  });

  it('makes one batch of a set that is smaller than a batch', async () => {
    const made = source({ batchSize: 64 });
    expect([made.batchSize, made.batchesPerEpoch]).toEqual([28, 1]);
    expect((await batches(made, 0))[0]!.x.length).toBe(28 * FACE_PIXELS);
  });

  it('can be left in the middle of an epoch and closed while batches are in the making', async () => {
    const made = source({ threads: 1 });
    for await (const { index } of made.epoch(0)) if (index === 1) break;
    const rejected = expect(batches(made, 1)).rejects.toThrow('closed');
    await made.close();
    await rejected;
    await expect(batches(made, 2)).rejects.toThrow('closed');
  });

  it('refuses an empty set and a plan out of bounds', () => {
    expect(() => source({ set: tinySet([]) })).toThrow(expect.objectContaining({ code: 'no-data' }));
    expect(() => source({ labelSmoothing: 1.5 })).toThrow(RangeError);
    expect(() => source({ classWeights: [1, 1] })).toThrow(RangeError);
    expect(() => source({ batchSize: 2.5 })).toThrow(RangeError);
    expect(() => source({ augmentation: { ...DEFAULT_AUGMENTATION, flip: -1 } })).toThrow(RangeError);
  });
});
