import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../../src/emotion/architectures.ts';
import { loadModel, saveModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { type TopologyOptions, topologyOf } from '../../../src/emotion/layers-format/topology.ts';
import { type Network, unroll } from '../../../src/emotion/network.ts';
import { architecture, EVERY_LAYER, largestDifference, PLAIN, randomInputs, randomWeights } from '../networks.ts';
import { fromDirectory, reference } from '../oracle.ts';

const network = unroll(EVERY_LAYER);
const weights = randomWeights(network);
const count = 3;
const x = randomInputs(network, count);

let root: string;
let saved: string;
let halved: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'layers-format-'));
  saved = join(root, 'saved');
  halved = join(root, 'halved');
  await saveModel(saved, { network, weights, metadata: { epochs: 3, accuracy: [0.5, 0.6] } });
  await saveModel(halved, { network, weights, quantization: 'float16' });
});

afterAll(() => rm(root, { recursive: true }));

function predict(model: tf.LayersModel): Float32Array {
  return tf.tidy(() => {
    const inputs = tf.tensor(x, [count, ...network.architecture.input]);
    return (model.predict(inputs) as tf.Tensor).dataSync<'float32'>().slice();
  });
}

describe('a saved model in tf.loadLayersModel', () => {
  it('answers as the network means, whatever its layers', async () => {
    const plain = unroll(PLAIN);
    const kinds = new Set([...network.nodes, ...plain.nodes].map((node) => node.op));
    expect(kinds.size).toBe(12); // every operation there is
    const directory = join(root, 'plain');
    await saveModel(directory, { network: plain, weights: randomWeights(plain) });
    for (const [of, its, at] of [
      [network, weights, saved],
      [plain, randomWeights(plain), directory],
    ] as const) {
      const model = await tf.loadLayersModel(fromDirectory(at));
      expect(largestDifference(predict(model), reference(of, its, x, count))).toBeLessThan(1e-6);
      model.dispose();
    }
  });

  it('has our names, shapes and roles of weights', async () => {
    const model = await tf.loadLayersModel(fromDirectory(saved));
    const ours = network.weights.map(({ name, shape, trainable }) => ({ name, shape, trainable }));
    const theirs = model.weights.map((weight) => ({
      // A second model in one process gets unique names; the original one is what files are matched by.
      name: weight.originalName,
      shape: weight.shape,
      trainable: model.trainableWeights.includes(weight),
    }));
    expect(new Set(theirs.map((weight) => JSON.stringify(weight)))).toEqual(
      new Set(ours.map((weight) => JSON.stringify(weight))),
    );
    model.dispose();
  });

  it('carries the architecture and what training says of it', async () => {
    const model = await tf.loadLayersModel(fromDirectory(saved));
    expect(model.getUserDefinedMetadata()).toMatchObject({ architecture: EVERY_LAYER, epochs: 3 });
    model.dispose();
  });

  it('reads float16 weights as the numbers that loadModel gives', async () => {
    const model = await tf.loadLayersModel(fromDirectory(halved));
    const ours = await loadModel(halved);
    for (const weight of model.weights) {
      const theirs = weight.read().dataSync<'float32'>();
      expect(ours.weights.get(weight.originalName), weight.originalName).toEqual(theirs);
    }
    expect(largestDifference(predict(model), reference(network, weights, x, count))).toBeLessThan(2e-3);
    model.dispose();
  });

  it.each([...ARCHITECTURES.values()])('builds $name with its number of parameters', async (entry) => {
    const shipped = unroll(entry);
    const model = await tf.models.modelFromJSON(asJson(topologyOf(shipped)));
    expect(model.countParams()).toBe(shipped.parameters);
    expect(model.outputs[0]!.shape).toEqual([null, 7]);
    model.dispose();
  });
});

describe('topologyOf', () => {
  const build = (of: Network, options?: TopologyOptions) => tf.models.modelFromJSON(asJson(topologyOf(of, options)));

  it('penalises every kernel with lambda / 2 * sum(w^2), and nothing else', async () => {
    const model = await build(network, { weightDecay: 0.3 });
    for (const weight of model.weights)
      weight.write(tf.tensor(weights.get(weight.originalName)!, weight.shape as number[]));
    const kernels = network.weights.filter(({ role }) => role === 'kernel');
    const sum = kernels.flatMap(({ name }) => [...weights.get(name)!]).reduce((total, w) => total + w * w, 0);
    const penalty = model.calculateLosses().reduce((total, loss) => total + loss.dataSync()[0]!, 0);
    expect(penalty).toBeCloseTo((0.3 / 2) * sum, 4);
    model.dispose();
  });

  it('adds no penalty without weight decay', async () => {
    const model = await build(network);
    expect(model.calculateLosses()).toEqual([]);
    model.dispose();
  });

  it('makes dropout masks inputs when asked', async () => {
    const dropped = unroll(
      architecture('dropped', [{ kind: 'flatten' }, { kind: 'dropout', rate: 0.5 }, { kind: 'dropout', rate: 0 }]),
    );
    const model = await build(dropped, { dropout: 'input' });
    expect(model.inputNames).toEqual(['input', 'dropout1_mask']);
    expect(model.inputs[1]!.shape).toEqual([null, 144]);
    const ones = tf.ones([1, 12, 12, 1]);
    const mask = tf.range(0, 144).reshape([1, 144]);
    const output = model.predict([ones, mask]) as tf.Tensor;
    expect(output.dataSync()).toEqual(mask.dataSync());
    model.dispose();
  });
});

describe('loadModel', () => {
  it('gives back the network, the metadata and every bit of the weights', async () => {
    // Numbers whose bits a conversion would lose: subnormals, negative zero, infinity, NaN.
    const odd = new Map(weights);
    odd.set('dense1/kernel', odd.get('dense1/kernel')!.slice());
    odd.get('dense1/kernel')!.set([1e-42, -0, Number.POSITIVE_INFINITY, Number.NaN, 3.4e38]);
    const directory = join(root, 'odd');
    await saveModel(directory, { network, weights: odd, metadata: { seed: 7 } });
    const model = await loadModel(directory);
    expect(model.network).toEqual(network);
    expect(model.metadata).toEqual({ seed: 7 });
    expect(model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect([...model.weights.keys()]).toEqual(network.weights.map(({ name }) => name));
    for (const [name, data] of odd) expect(bitsOf(model.weights.get(name)!), name).toEqual(bitsOf(data));
  });

  it('halves the file with float16', async () => {
    const bytes = await readFile(join(halved, 'weights.bin'));
    expect(bytes.length).toBe(network.parameters * 2);
  });

  const damages: [string, (directory: string) => Promise<unknown>, RegExp][] = [
    ['an empty directory', (d) => rm(join(d, 'model.json')), /model\.json is missing/],
    ['no weights', (d) => rm(join(d, 'weights.bin')), /weights\.bin is missing/],
    ['cut weights', (d) => truncate(join(d, 'weights.bin'), 100), /weights\.bin has 100 bytes where model\.json says/],
    ['a cut model.json', (d) => truncate(join(d, 'model.json'), 900), /model\.json is not JSON/],
    ['a changed weight', (d) => flipBit(join(d, 'weights.bin')), /not the file that model\.json was written with/],
    ['an unknown layer', (d) => edit(d, '"kind":"relu"', '"kind":"swish"'), /unknown layer "swish"/],
    ['an unknown property', (d) => edit(d, '"kind":"flatten"', '"kind":"flatten","axis":1'), /axis/],
    ['layers that do not fit', (d) => edit(d, '"kind":"flatten"', '"kind":"relu"'), /do not fit together/],
    ['a weight of another shape', (d) => edit(d, '"shape":[3,3,1,4]', '"shape":[3,3,4,1]'), /lack conv1\/kernel/],
    ['a weight of another name', (d) => edit(d, 'dense1/kernel', 'dense9/kernel'), /lack dense1\/kernel/],
    [
      'a weight too many',
      (d) => edit(d, '"weights":[', '"weights":[{"name":"extra","shape":[0],"dtype":"float32"},'),
      /lists \d+ weights where every-layer has \d+/,
    ],
    ['another kind of numbers', (d) => edit(d, '"dtype":"float32"', '"dtype":"int32"'), /dtype/],
    ['weights elsewhere', (d) => edit(d, '"weights.bin"', '"../saved/weights.bin"'), /beside model\.json/],
    [
      "someone else's model",
      (d) => edit(d, '"userDefinedMetadata"', '"otherMetadata"'),
      /not one that this program wrote \(userDefinedMetadata/,
    ],
  ];

  it.each(damages)('refuses %s and says why', async (name, damage, sentence) => {
    const directory = join(root, `damaged-${name.replaceAll(/\W/g, '-')}`);
    await cp(saved, directory, { recursive: true });
    await damage(directory);
    const error = await loadModel(directory).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'UserError', code: 'bad-model', message: expect.stringMatching(sentence) });
    expect((error as Error).message).toContain(directory);
  });

  it('says that a directory that is not there has no model', async () => {
    await expect(loadModel(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'bad-model' });
  });
});

describe('saveModel', () => {
  it('replaces a model of another shape and leaves no third file', async () => {
    const directory = join(root, 'replaced');
    await saveModel(directory, { network, weights });
    const plain = unroll(PLAIN);
    for (const seed of [1, 2, 3]) {
      await saveModel(directory, { network: plain, weights: randomWeights(plain, seed) });
      const model = await loadModel(directory);
      expect(model.network.architecture.name).toBe('plain');
      expect(model.weights).toEqual(randomWeights(plain, seed));
      expect(await readdir(directory)).toHaveLength(2);
    }
  });

  it('names the weights weights.bin in a new directory', async () => {
    expect((await readdir(saved)).sort()).toEqual(['model.json', 'weights.bin']);
  });

  it('replaces a model.json that nothing can read', async () => {
    const directory = join(root, 'repaired');
    await saveModel(directory, { network, weights });
    await writeFile(join(directory, 'model.json'), '{');
    await saveModel(directory, { network, weights });
    expect((await loadModel(directory)).weights).toEqual(weights);
  });

  it('refuses weights that are not those of the network', async () => {
    const directory = join(root, 'refused');
    const lacking = new Map(weights);
    lacking.delete('dense1/kernel');
    await expect(saveModel(directory, { network, weights: lacking })).rejects.toThrow(/weights for a network of/);
    const renamed = new Map(lacking).set('dense9/kernel', new Float32Array(1));
    await expect(saveModel(directory, { network, weights: renamed })).rejects.toThrow('no weights for dense1/kernel');
    const short = new Map(weights).set('dense1/kernel', new Float32Array(1));
    await expect(saveModel(directory, { network, weights: short })).rejects.toThrow(/dense1\/kernel: 1 numbers/);
  });

  it('refuses float16 for a weight beyond its range', async () => {
    const large = new Map(weights).set('batchNorm1/beta', new Float32Array(4).fill(70_000));
    await expect(
      saveModel(join(root, 'large'), { network, weights: large, quantization: 'float16' }),
    ).rejects.toMatchObject({ code: 'bad-model', message: expect.stringContaining('batchNorm1/beta holds 70000') });
  });
});

/** Kernels begin as zeros: drawing millions of weights that no test looks at takes seconds. */
function asJson({ config, ...rest }: ReturnType<typeof topologyOf>): tf.io.ModelJSON {
  const layers = config.layers.map((layer) =>
    ['Conv2D', 'Dense'].includes(layer.class_name)
      ? { ...layer, config: { ...layer.config, kernel_initializer: { class_name: 'Zeros', config: {} } } }
      : layer,
  );
  return JSON.parse(JSON.stringify({ modelTopology: { ...rest, config: { ...config, layers } } }));
}

function bitsOf(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[50]! ^= 1;
  await writeFile(path, bytes);
}

/** Replaces a text in model.json, wherever it stands. */
async function edit(directory: string, from: string, to: string): Promise<void> {
  const path = join(directory, 'model.json');
  const json = await readFile(path, 'utf8');
  expect(json).toContain(from);
  await writeFile(path, json.replaceAll(from, to));
}
