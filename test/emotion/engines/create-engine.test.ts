import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../src/emotion/engines/create-engine.ts';
import {
  findRuntime,
  JAVASCRIPT_PACKAGE,
  NATIVE_PACKAGES,
  type RuntimeSearch,
} from '../../../src/emotion/engines/tensorflow/runtime.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { PLAIN, randomInputs, randomWeights } from '../networks.ts';

let directory: string;
/** A package whose native library does not load, one that lacks a dependency, and one that sees a GPU. */
let broken: string;
let incomplete: string;
let withGpu: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'packages-'));
  const write = async (name: string, code: string) => {
    const path = join(directory, name, 'index.cjs');
    await mkdir(join(directory, name));
    await writeFile(path, code);
    return pathToFileURL(path).href;
  };
  broken = await write('broken', "throw new Error('libtensorflow.so.2: cannot open shared object file\\nmore')");
  incomplete = await write('incomplete', "require('no-such-dependency')");
  withGpu = await write(
    'gpu',
    'module.exports = { ready: async () => {}, backend: () => ({ isUsingGpuDevice: true }) }',
  );
});

afterAll(() => rm(directory, { recursive: true }));

describe('findRuntime', () => {
  it('takes the first package that loads and keeps the reasons of the others', async () => {
    const { runtime, failures } = await findRuntime(['no-such-package', broken, incomplete, JAVASCRIPT_PACKAGE]);
    expect(runtime).toMatchObject({ package: JAVASCRIPT_PACKAGE, gpu: false });
    expect(runtime!.tf.version).toEqual(tf.version);
    expect(runtime!.tf.getBackend()).toBe('cpu');
    expect(failures).toEqual([
      { package: 'no-such-package', reason: 'not installed' },
      { package: broken, reason: 'installed, but does not load: libtensorflow.so.2: cannot open shared object file' },
      {
        package: incomplete,
        reason: expect.stringMatching(/^installed, but does not load: Cannot find module 'no-such-dependency'/),
      },
    ]);
  });

  it('finds nothing where nothing loads', async () => {
    expect(await findRuntime(['no-such-package'])).toEqual({
      failures: [{ package: 'no-such-package', reason: 'not installed' }],
    });
  });

  it('asks the backend whether it has a GPU', async () => {
    expect((await findRuntime([withGpu])).runtime).toMatchObject({ gpu: true });
  });
});

describe('createEngine', () => {
  const nothing = async (): Promise<RuntimeSearch> => ({
    failures: NATIVE_PACKAGES.map((name) => ({ package: name, reason: 'not installed' })),
  });
  /** TensorFlow.js in plain JavaScript that says it has a GPU, or not. */
  const javascript = (gpu: boolean) => async (): Promise<RuntimeSearch> => ({
    runtime: { tf, package: JAVASCRIPT_PACKAGE, gpu },
    failures: [],
  });

  it.each([
    ['auto', 'no TensorFlow', nothing, 'onnx'],
    ['auto', 'TensorFlow without a GPU', javascript(false), 'onnx'],
    ['auto', 'TensorFlow with a GPU', javascript(true), 'tensorflow'],
    ['onnx', 'TensorFlow with a GPU', javascript(true), 'onnx'],
    ['tensorflow', 'TensorFlow without a GPU', javascript(false), 'tensorflow'],
  ] as const)('for %s and %s is a working one', async (choice, _, find, name) => {
    const engine = await createEngine(choice, { threads: 1, find });
    expect(engine.name).toBe(name);
    const network = unroll(PLAIN);
    const predictor = await engine.predictor(network, randomWeights(network));
    const probabilities = await predictor.predict(randomInputs(network, 2), 2);
    expect(probabilities).toHaveLength(14);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(2, 5);
    await predictor.dispose();
  });

  it('looks for a GPU in the GPU package alone', async () => {
    const asked: unknown[] = [];
    await createEngine('auto', {
      threads: 1,
      find: async (packages) => {
        asked.push(packages);
        return nothing();
      },
    });
    expect(asked).toEqual([['@tensorflow/tfjs-node-gpu']]);
  });

  it('says what it computes with', async () => {
    expect((await createEngine('tensorflow', { find: javascript(true) })).device).toBe('GPU, @tensorflow/tfjs');
    expect((await createEngine('onnx', { threads: 1 })).device).toBe('CPU, 1 thread');
  });

  it('says what to install where TensorFlow was asked for and is not there', async () => {
    await expect(createEngine('tensorflow', { find: nothing })).rejects.toMatchObject({
      name: 'UserError',
      code: 'bad-usage',
      message: expect.stringMatching(/tfjs-node-gpu is not installed.*npm install.*tfjs-node@4\.22\.0.*ENGINE=onnx/),
    });
  });
});
