import { expect, it, vi } from 'vitest';
import type { GrayTask } from '../../../../src/photo/faces/haar/pass.ts';

const opening = vi.hoisted(() => ({ fails: false }));

vi.mock('node:module', async (original) => {
  const module = await original<typeof import('node:module')>();
  return {
    ...module,
    createRequire(url: string) {
      if (opening.fails) throw new Error('too many open files');
      return module.createRequire(url);
    },
  };
});

it('loads OpenCV with the next pass where it could not be loaded once', async () => {
  const task: GrayTask = {
    gray: { width: 40, height: 30, data: new Uint8Array(40 * 30) },
    pass: { cascade: 'haarcascade_frontalface_alt2.xml', angle: 0, scaleFactor: 1.1, minNeighbours: 2 },
    minFace: 30,
    eyes: false,
  };
  const pass = async () => await (await import('../../../../src/photo/faces/haar/wasm-opencv.ts')).runPassInWasm(task);
  opening.fails = true;
  await expect(pass()).rejects.toThrow('too many open files');
  opening.fails = false;
  expect(await pass()).toEqual([]);
});
