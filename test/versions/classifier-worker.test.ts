import { expect, test, vi } from 'vitest';
import type { Engine } from '../../src/emotion/engines/engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import runTask from '../../src/versions/classifier-worker.ts';
import { registryWith } from '../helpers/retraining.ts';

const engine = vi.hoisted(() => ({ loaded: 0, freed: [] as number[], fails: false, broken: 0, stuck: 0 }));

vi.mock('../../src/emotion/engines/create-engine.ts', () => ({
  createEngine: async (): Promise<Engine> => {
    if (engine.fails) throw new Error('there is no memory left');
    return {
      name: 'onnx',
      device: 'none',
      async predictor() {
        const number = ++engine.loaded;
        return {
          async predict(_x, count) {
            if (number === engine.broken) throw new Error('the card was reset');
            return new Float32Array(count * EMOTIONS.length).fill(1 / EMOTIONS.length);
          },
          async dispose() {
            if (number === engine.stuck) throw new Error('the card was reset');
            engine.freed.push(number);
          },
        };
      },
      trainer: () => expect.fail('nothing is trained here'),
    };
  },
}));

test('where the engine or the network failed once, the next faces are read all the same', async () => {
  const { directory } = await registryWith(0);
  const network = { modelDirectory: directory, version: 0, engine: 'onnx' } as const;
  const read = { kind: 'read', network, crops: new Uint8Array(FACE_PIXELS) } as const;
  engine.fails = true;
  await expect(runTask(read)).rejects.toThrow('no memory left');
  engine.fails = false;
  expect(await runTask(read)).toMatchObject({ readings: [{ emotion: 'unsure' }] });
  engine.broken = engine.loaded;
  await expect(runTask(read)).rejects.toThrow('the card was reset');
  expect(await runTask(read)).toMatchObject({ readings: [{ emotion: 'unsure' }] });
  expect(engine.freed).toEqual([engine.broken]);
  await runTask({ kind: 'free' });
  Object.assign(engine, { loaded: 0, freed: [], broken: 0 });
});

test('a network that is replaced frees its memory, and only once the new one reads', async () => {
  const { directory } = await registryWith(1);
  const network = (version: number) => ({ modelDirectory: directory, version, engine: 'onnx' }) as const;
  expect(await runTask({ kind: 'use', network: network(0) })).toEqual({ readings: [] });
  expect(engine).toMatchObject({ loaded: 1, freed: [] });
  expect(await runTask({ kind: 'use', network: network(7) })).toMatchObject({ mistake: { code: 'not-found' } });
  expect(engine).toMatchObject({ loaded: 1, freed: [] });
  await runTask({ kind: 'use', network: network(1) });
  expect(engine).toMatchObject({ loaded: 2, freed: [1] });
  // The one in use reads; it is not loaded again.
  const read = { kind: 'read', network: network(1), crops: new Uint8Array(2 * FACE_PIXELS) } as const;
  expect(await runTask(read)).toMatchObject({ readings: [{ emotion: 'unsure' }, { emotion: 'unsure' }] });
  await runTask({ kind: 'free' });
  expect(engine).toMatchObject({ loaded: 2, freed: [1, 2] });
});

test('a network that was loaded but cannot read is freed, and the one in use stays', async () => {
  Object.assign(engine, { loaded: 0, freed: [] });
  const { directory } = await registryWith(1);
  const network = (version: number) => ({ modelDirectory: directory, version, engine: 'onnx' }) as const;
  await runTask({ kind: 'use', network: network(0) });
  engine.broken = 2;
  await expect(runTask({ kind: 'use', network: network(1) })).rejects.toThrow('the card was reset');
  expect(engine).toMatchObject({ loaded: 2, freed: [2] });
  const read = { kind: 'read', network: network(0), crops: new Uint8Array(FACE_PIXELS) } as const;
  expect(await runTask(read)).toMatchObject({ readings: [{ emotion: 'unsure' }] });
  expect(engine.loaded).toBe(2);
});

test('a network is in use also where the one before it cannot be freed', async () => {
  Object.assign(engine, { loaded: 0, freed: [], broken: 0, stuck: 2 });
  const { directory } = await registryWith(1);
  const network = (version: number) => ({ modelDirectory: directory, version, engine: 'onnx' }) as const;
  await runTask({ kind: 'free' });
  Object.assign(engine, { loaded: 1, freed: [] });
  await runTask({ kind: 'use', network: network(0) });
  expect(await runTask({ kind: 'use', network: network(1) })).toEqual({ readings: [] });
  await runTask({ kind: 'free' });
  expect(engine).toMatchObject({ loaded: 3, freed: [3] });
});
