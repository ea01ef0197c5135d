import { describe, expect, it } from 'vitest';
import { temper } from '../../src/emotion/calibration.ts';
import { createClassifier } from '../../src/emotion/classifier.ts';
import type { Engine, Predictor } from '../../src/emotion/engines/engine.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE, likeliestEmotion, toScores } from '../../src/emotion/labels.ts';
import type { StoredModel } from '../../src/emotion/layers-format/layers-format.ts';
import { type Network, unroll } from '../../src/emotion/network.ts';
import { normalise, readViews, soften, standardise } from '../../src/emotion/views.ts';

/** A predictor that keeps what it is shown and answers by the given function of an input's place and its numbers. */
function recorder(answer: (x: Float32Array) => readonly number[]) {
  const shown: Float32Array[] = [];
  const batches: number[] = [];
  const predictor: Predictor = {
    async predict(x, count) {
      batches.push(count);
      const out = new Float32Array(count * EMOTIONS.length);
      for (let k = 0; k < count; k++) {
        const input = x.slice(k * FACE_PIXELS, (k + 1) * FACE_PIXELS);
        shown.push(input);
        out.set(answer(input), k * EMOTIONS.length);
      }
      return out;
    },
    dispose: async () => {},
  };
  return { predictor, shown, batches };
}

/** A crop darker on its left and, in another way, at its top, so that no turn or mirror image of it is itself. */
function slanted(seed: number): Uint8Array {
  return Uint8Array.from({ length: FACE_PIXELS }, (_, p) => {
    const [row, column] = [Math.floor(p / FACE_SIZE), p % FACE_SIZE];
    return (4 * column + row * (1 + seed)) % 256;
  });
}

function normalised(crop: Uint8Array): Float32Array {
  const out = new Float32Array(FACE_PIXELS);
  normalise(crop, out, 0);
  return out;
}

/** The crop's mirror image, left for right. */
function mirrored(crop: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: FACE_PIXELS }, (_, p) => {
    const column = p % FACE_SIZE;
    return crop[p - column + (FACE_SIZE - 1 - column)]!;
  });
}

const oneHot = (k: number) => EMOTIONS.map((_, e) => (e === k ? 1 : 0));

describe('readViews', () => {
  it('shows every face as it is and mirrored, left for right', async () => {
    const crops = [slanted(0), slanted(1), slanted(2)];
    const { predictor, shown } = recorder(() => oneHot(0));
    await readViews(predictor, Uint8Array.from(crops.flatMap((crop) => [...crop])), 0);
    expect(shown).toEqual(crops.flatMap((crop) => [normalised(crop), normalised(mirrored(crop))]));
  });

  it('answers with the mean of both, each face by its own views', async () => {
    const [first, second] = [slanted(0), slanted(7)];
    const known = [first, mirrored(first), second, mirrored(second)].map((crop) => normalised(crop).join());
    const { predictor } = recorder((x) => oneHot(known.indexOf(x.join())));
    const answers = await readViews(predictor, Uint8Array.from([...first, ...second]), 0);
    expect([...answers]).toEqual([0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 0, 0, 0]);
  });

  it('shows at most 16 at a time and leaves none out', async () => {
    const { predictor, batches } = recorder((x) => EMOTIONS.map((_, k) => x[k]!));
    const crops = Array.from({ length: 20 }, (_, k) => slanted(k));
    const answers = await readViews(predictor, Uint8Array.from(crops.flatMap((crop) => [...crop])), 0);
    expect(batches).toEqual([16, 16, 8]);
    crops.forEach((crop, k) => {
      const [x, y] = [normalised(crop), normalised(mirrored(crop))];
      EMOTIONS.forEach((_, e) => {
        expect(answers[k * EMOTIONS.length + e]).toBeCloseTo((x[e]! + y[e]!) / 2, 5);
      });
    });
  });
});

/** What a network is shown of a softened crop: the definition, pixel by pixel. */
function softenedView(crop: Uint8Array, share: number): Float32Array {
  const inside = (k: number) => Math.min(FACE_SIZE - 1, Math.max(0, k));
  const weights = [-1, 0, 1].map((step) => ({ step, weight: step === 0 ? 1 - 2 * share : share }));
  const out = Float32Array.from({ length: FACE_PIXELS }, (_, p) => {
    const [row, column] = [Math.floor(p / FACE_SIZE), p % FACE_SIZE];
    let sum = 0;
    for (const down of weights)
      for (const right of weights)
        sum += down.weight * right.weight * crop[inside(row + down.step) * FACE_SIZE + inside(column + right.step)]!;
    return sum / 255;
  });
  standardise(out, 0);
  return out;
}

/** Noise, in which every pixel differs from its neighbours. */
const noisy = () => Uint8Array.from({ length: FACE_PIXELS }, (_, p) => (p * p * 31 + p * 17) % 251);

describe('soften', () => {
  it('gives each neighbour its share along rows and columns, and leaves what lies around alone', () => {
    const x = new Float32Array(FACE_PIXELS + 2);
    x[0] = 5;
    x[FACE_PIXELS + 1] = 7;
    x[1 + 10 * FACE_SIZE + 20] = 100;
    soften(x, 1, 0.2);
    const around = [9, 10, 11].map((row) => [19, 20, 21].map((column) => x[1 + row * FACE_SIZE + column]!));
    [4, 12, 4, 12, 36, 12, 4, 12, 4].forEach((expected, k) => {
      expect(around.flat()[k]).toBeCloseTo(expected, 4);
    });
    expect([x[0], x[FACE_PIXELS + 1]]).toEqual([5, 7]);
    expect(x.reduce((a, b) => a + b)).toBeCloseTo(112, 3);
  });

  it('changes nothing where it is 0, nor a flat crop', () => {
    const grays = Float32Array.from(noisy());
    soften(grays, 0, 0);
    expect(grays).toEqual(Float32Array.from(noisy()));
    const flat = new Float32Array(FACE_PIXELS).fill(0.5);
    soften(flat, 0, 0.25);
    for (const value of flat) expect(value).toBeCloseTo(0.5, 6);
  });
});

describe('temper', () => {
  it('divides the logits by the temperature', () => {
    const logits = [1, -0.5, 0.3, 2, 0, -1, 0.7];
    const softmax = (values: readonly number[]) => {
      const powers = values.map(Math.exp);
      return powers.map((power) => power / powers.reduce((a, b) => a + b));
    };
    const row = Float32Array.from(softmax(logits));
    temper(row, 2);
    softmax(logits.map((logit) => logit / 2)).forEach((expected, k) => {
      expect(row[k]).toBeCloseTo(expected, 6);
    });
  });

  it('takes a probability of 0 for 1e-12, so that it has a logarithm', () => {
    const row = Float32Array.of(1, 0, 0, 0, 0, 0, 0);
    temper(row, 4);
    const least = 1e-12 ** (1 / 4);
    expect(row[0]).toBeCloseTo(1 / (1 + 6 * least), 6);
    for (const p of row.subarray(1)) expect(p).toBeCloseTo(least / (1 + 6 * least), 7);
  });
});

describe('toScores', () => {
  it('names probabilities in label order and has them add up to 1', () => {
    expect(toScores([1, 0, 0, 2, 0, 0, 1])).toEqual({
      angry: 0.25,
      disgust: 0,
      fear: 0,
      happy: 0.5,
      sad: 0,
      surprise: 0,
      neutral: 0.25,
    });
  });
});

/** An engine that has no networks yet. */
const ENGINE: Engine = {
  name: 'onnx',
  device: 'none',
  predictor: () => Promise.reject(new Error('not asked for')),
  trainer: () => Promise.reject(new Error('not asked for')),
};

describe('a classifier', () => {
  const layers = [{ kind: 'globalAveragePool' }, { kind: 'dense', units: 7 }, { kind: 'softmax' }] as const;
  const network = unroll({ name: 'small', summary: 'for tests', input: [48, 48, 1], layers });

  /** A classifier whose network answers every face with `row`. */
  async function answering(row: readonly number[], metadata: StoredModel['metadata'], of: Network = network) {
    const { predictor } = recorder(() => row);
    const engine: Engine = { ...ENGINE, predictor: async () => predictor };
    const model = { network: of, weights: new Map(), metadata, sha256: '' };
    return await createClassifier(model, 'somewhere', { engine });
  }

  it('shows its network crops that are softened as its calibration says, and otherwise as they are', async () => {
    const crop = noisy();
    for (const softness of [undefined, 0.14]) {
      const { predictor, shown } = recorder(() => oneHot(0));
      const engine = { ...ENGINE, predictor: async () => predictor };
      const metadata = { calibration: { temperature: 1, unsureBelow: 0.5, softness } };
      const model = { network, weights: new Map(), metadata, sha256: '' };
      await (await createClassifier(model, 'somewhere', { engine })).classify([crop]);
      const expected = softenedView(crop, softness ?? 0);
      expect(shown).toHaveLength(2);
      shown[0]!.forEach((value, p) => {
        expect(value).toBeCloseTo(expected[p]!, 4);
      });
    }
  });

  const row = [0.02, 0.02, 0.02, 0.5, 0.4, 0.02, 0.02];

  it('is unsure below the threshold of its model, and sure from there on', async () => {
    const at = async (unsureBelow: number) => {
      const classifier = await answering(row, { calibration: { temperature: 1, unsureBelow } });
      return (await classifier.classify([slanted(0)]))[0]!;
    };
    expect(await at(0.49)).toMatchObject({ emotion: 'happy', confidence: expect.closeTo(0.5, 5) });
    expect(await at(0.51)).toMatchObject({ emotion: 'unsure', confidence: expect.closeTo(0.5, 5) });
    const { confidence } = await at(0);
    expect(await at(confidence)).toMatchObject({ emotion: 'happy', confidence });
  });

  it('tempers with the temperature of its model', async () => {
    const classifier = await answering(row, { calibration: { temperature: 2, unsureBelow: 0 } });
    const [reading] = await classifier.classify([slanted(0)]);
    const sum = row.reduce((total, p) => total + Math.sqrt(p), 0);
    expect(reading!.scores.happy).toBeCloseTo(Math.sqrt(0.5) / sum, 5);
    expect(reading!.scores.sad).toBeCloseTo(Math.sqrt(0.4) / sum, 5);
  });

  it('without a calibration is unsure where no emotion has half', async () => {
    const below = await answering([0, 0, 0, 0.49, 0.4, 0.11, 0], {});
    expect(await below.classify([slanted(0)])).toMatchObject([{ emotion: 'unsure' }]);
    const above = await answering([0, 0, 0, 0.51, 0.4, 0.09, 0], {});
    const [reading] = await above.classify([slanted(0)]);
    expect(reading).toMatchObject({ emotion: 'happy', confidence: expect.closeTo(0.51, 5) });
  });

  it('refuses a network for other inputs or another number of emotions, and crops of another size', async () => {
    const wide = unroll({ name: 'wide', summary: 'for tests', input: [48, 40, 1], layers });
    await expect(answering(row, {}, wide)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('somewhere takes 48x40x1 and gives 7'),
    });
    const six = [layers[0], { kind: 'dense', units: 6 }, layers[2]] as const;
    const few = unroll({ name: 'few', summary: 'for tests', input: [48, 48, 1], layers: six });
    await expect(answering(row, {}, few)).rejects.toMatchObject({ code: 'bad-model' });
    const classifier = await answering(row, {});
    expect(await classifier.classify([])).toEqual([]);
    await expect(classifier.classify([slanted(0), new Uint8Array(9)])).rejects.toThrow('crop 1 has 9 bytes, not 2304');
  });
});

it('of equally likely emotions the first one counts', () => {
  expect(likeliestEmotion(toScores([1, 1, 1, 1, 1, 1, 1]))).toBe('angry');
  expect(likeliestEmotion(toScores([0, 0, 0, 2, 2, 1, 2]))).toBe('happy');
});
