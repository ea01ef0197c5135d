import { expect, test, vi } from 'vitest';
import type { Engine } from '../../src/emotion/engines/engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import runTask from '../../src/versions/classifier-worker.ts';
import { registryWith } from '../helpers/retraining.ts';

const engine = vi.hoisted(() => ({ loaded: 0, freed: [] as number[] }));

vi.mock('../../src/emotion/engines/create-engine.ts', () => ({
  createEngine: async (): Promise<Engine> => ({
    name: 'onnx',
    device: 'none',
    async predictor() {
      const number = ++engine.loaded;
      return {
        predict: async (_x, count) => new Float32Array(count * EMOTIONS.length).fill(1 / EMOTIONS.length),
        dispose: async () => void engine.freed.push(number),
      };
    },
    trainer: () => expect.fail('nothing is trained here'),
  }),
}));

test('a network that is replaced frees its memory, and only once the new one reads', async () => {
  const { directory } = await registryWith(1);
  const network = (version: number) => ({ modelDirectory: directory, version, engine: 'onnx' }) as const;
  expect(await runTask({ kind: 'use', network: network(0) })).toEqual({ readings: [] });
  expect(engine).toEqual({ loaded: 1, freed: [] });
  expect(await runTask({ kind: 'use', network: network(7) })).toMatchObject({ mistake: { code: 'not-found' } });
  expect(engine).toEqual({ loaded: 1, freed: [] });
  await runTask({ kind: 'use', network: network(1) });
  expect(engine).toEqual({ loaded: 2, freed: [1] });
  // The one in use reads; it is not loaded again.
  const read = { kind: 'read', network: network(1), crops: new Uint8Array(2 * FACE_PIXELS) } as const;
  expect(await runTask(read)).toMatchObject({ readings: [{ emotion: 'unsure' }, { emotion: 'unsure' }] });
  await runTask({ kind: 'free' });
  expect(engine).toEqual({ loaded: 2, freed: [1, 2] });
});
