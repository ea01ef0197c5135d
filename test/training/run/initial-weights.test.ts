import { expect, test } from 'vitest';
import { ARCHITECTURES, type Architecture, convolve, halve } from '../../../src/emotion/architectures.ts';
import { createEngine } from '../../../src/emotion/engines/create-engine.ts';
import { type Network, unroll, type Weights } from '../../../src/emotion/network.ts';
import { initialWeights, weightsFrom } from '../../../src/training/run/initial-weights.ts';

function shapedAs(name: string, first: number, second: number): Network {
  const layers: Architecture['layers'] = [
    ...convolve(first),
    halve,
    ...convolve(second),
    { kind: 'globalAveragePool' },
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ];
  return unroll({ name, summary: name, input: [8, 8, 1], layers });
}

const faces = Float32Array.from({ length: 3 * 64 }, (_, k) => Math.sin(k * k));

async function readings(network: Network, weights: Weights): Promise<number[]> {
  const engine = await createEngine('onnx');
  const predictor = await engine.predictor(network, weights);
  try {
    return [...(await predictor.predict(faces, 3))];
  } finally {
    await predictor.dispose();
  }
}

test('a wider network begins by reading as the narrow one that it starts from, with channels of its own beside', async () => {
  const [narrow, wide] = [shapedAs('narrow', 3, 5), shapedAs('wide', 4, 9)];
  const from = { network: narrow, weights: initialWeights(narrow, 1) };
  const weights = weightsFrom(from, wide, 2);
  const [before, after] = [await readings(narrow, from.weights), await readings(wide, weights)];
  for (const [k, share] of before.entries()) expect(after[k]).toBeCloseTo(share, 5);
  // The new channels are not all zero: they have something to learn from.
  const kernel = weights.get(wide.weights[0]!.name)!;
  expect(kernel.filter((_, k) => k % 4 === 3).every((value) => value !== 0)).toBe(true);
});

test('equal shapes are taken over as they are; other layers and wider networks are refused by name', () => {
  const network = shapedAs('here', 3, 5);
  const from = { network, weights: initialWeights(network, 1) };
  expect(weightsFrom(from, network, 2)).toEqual(from.weights);
  expect(() => weightsFrom(from, shapedAs('thin', 3, 4), 1)).toThrow(
    /not those of thin or of a narrower network.*conv2/,
  );
  expect(() => weightsFrom(from, unroll(ARCHITECTURES.get('tiny')!), 1)).toThrow(/not those of tiny/);
  // After a flatten, channels and positions are mixed, so the channels cannot be identified.
  const flat = (name: string, filters: number) =>
    unroll({
      name,
      summary: name,
      input: [8, 8, 1],
      layers: [...convolve(filters), { kind: 'flatten' }, { kind: 'dense', units: 7 }],
    });
  const narrow = flat('narrow', 2);
  expect(() => weightsFrom({ network: narrow, weights: initialWeights(narrow, 1) }, flat('wide', 3), 1)).toThrow(
    /wide/,
  );
});

test('kernels begin with the variance that keeps a signal’s size: He’s, and Glorot’s for the last one', () => {
  const network = unroll(ARCHITECTURES.get('compact')!);
  const weights = initialWeights(network, 1);
  const kernels = network.weights.filter(({ role }) => role === 'kernel');
  const spread = (name: string) => {
    const data = weights.get(name)!;
    return {
      variance: data.reduce((sum, w) => sum + w * w, 0) / data.length,
      most: data.reduce((most, w) => Math.max(most, Math.abs(w)), 0),
    };
  };
  for (const { name, shape } of kernels.slice(1, -1)) {
    const fanIn = shape[0]! * shape[1]! * shape[2]!;
    const { variance, most } = spread(name);
    expect((variance * fanIn) / 2).toBeCloseTo(1, 1);
    // A normal distribution reaches far beyond its deviation.
    expect(most ** 2 / variance).toBeGreaterThan(9);
  }
  const last = kernels.at(-1)!;
  const { variance, most } = spread(last.name);
  const [inputs, outputs] = last.shape as [number, number];
  expect(((inputs + outputs) * variance) / 2).toBeCloseTo(1, 0);
  expect(most).toBeLessThanOrEqual(Math.sqrt(6 / (inputs + outputs)));
});
