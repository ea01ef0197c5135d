import type * as FileSystem from 'node:fs/promises';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadModel, type StoredModel, saveModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { EVERY_LAYER, PLAIN, randomWeights } from '../networks.ts';

/** A process that dies before its n-th change of the disk: from then on every change fails and nothing is undone. */
const disk = vi.hoisted(() => ({
  changes: [] as string[],
  diesBefore: Number.POSITIVE_INFINITY,
  beforeRead: undefined as ((path: string) => Promise<void>) | undefined,
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FileSystem>();
  const change = (what: string) => {
    if (disk.changes.length >= disk.diesBefore) throw new Error(`died before ${what}`);
    disk.changes.push(what);
  };
  const name = (path: unknown) => basename(String(path));
  return {
    ...real,
    open: async (path: string, flags: string) => {
      if (flags !== 'r') change(`open ${name(path)}`);
      const handle = await real.open(path, flags);
      const proxy: Pick<FileSystem.FileHandle, 'writeFile' | 'sync' | 'close'> = {
        writeFile: async (content) => {
          // Half of the bytes reach the disk before the process can die again.
          const bytes = Buffer.from(content as Uint8Array);
          change(`write half of ${name(path)}`);
          await handle.write(bytes, 0, bytes.length >> 1);
          change(`write ${name(path)}`);
          await handle.write(bytes, bytes.length >> 1);
        },
        sync: async () => change(`sync ${flags === 'r' ? 'directory' : name(path)}`),
        close: () => handle.close(),
      };
      return proxy;
    },
    rename: async (from: string, to: string) => {
      change(`rename ${name(from)} ${name(to)}`);
      await real.rename(from, to);
    },
    rm: async (path: string, options: object) => {
      change(`remove ${name(path)}`);
      await real.rm(path, options);
    },
    readFile: async (path: string, options: BufferEncoding) => {
      await disk.beforeRead?.(path);
      return real.readFile(path, options);
    },
  };
});

const oldNetwork = unroll(EVERY_LAYER);
const newNetwork = unroll(PLAIN);
const older = { network: oldNetwork, weights: randomWeights(oldNetwork, 1), metadata: { epoch: 1 } };
const newer = { network: newNetwork, weights: randomWeights(newNetwork, 2), metadata: { epoch: 2 } };
const newest = { network: newNetwork, weights: randomWeights(newNetwork, 3), metadata: { epoch: 3 } };

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crash-'));
  live();
});

afterEach(async () => {
  live();
  await rm(directory, { recursive: true });
});

function live(): void {
  disk.changes = [];
  disk.diesBefore = Number.POSITIVE_INFINITY;
  disk.beforeRead = undefined;
}

function expectModel(found: StoredModel, wanted: typeof older): void {
  expect(found.metadata).toEqual(wanted.metadata);
  expect(found.network).toEqual(wanted.network);
  expect(found.weights).toEqual(wanted.weights);
}

describe('a crash while a model is saved over another', () => {
  it('leaves the old model or the new one, after every number of changes to the disk', async () => {
    await saveModel(directory, older);
    live();
    await saveModel(directory, newer);
    const total = disk.changes.length;
    expect(total).toBeGreaterThan(10);
    const found: unknown[] = [];
    for (let n = 0; n < total; n++) {
      live();
      await rm(directory, { recursive: true });
      await saveModel(directory, older);
      live();
      disk.diesBefore = n;
      await expect(saveModel(directory, newer)).rejects.toThrow('died before');
      live();
      const model = await loadModel(directory);
      found.push(model.metadata.epoch);
      expectModel(model, model.metadata.epoch === 1 ? older : newer);
      // What the crash left behind is no obstacle for the next save.
      await saveModel(directory, newest);
      expectModel(await loadModel(directory), newest);
      expect(await readdir(directory)).toHaveLength(2);
    }
    expect(found).toContain(1);
    expect(found).toContain(2);
    expect(found).toEqual([...found].sort());
  });

  it('has the weights on the disk before model.json speaks of them', async () => {
    await saveModel(directory, older);
    live();
    await saveModel(directory, newer);
    expect(disk.changes).toEqual([
      'open weights-2.bin.tmp',
      'write half of weights-2.bin.tmp',
      'write weights-2.bin.tmp',
      'sync weights-2.bin.tmp',
      'rename weights-2.bin.tmp weights-2.bin',
      'sync directory',
      'open model.json.tmp',
      'write half of model.json.tmp',
      'write model.json.tmp',
      'sync model.json.tmp',
      'rename model.json.tmp model.json',
      'sync directory',
      'remove weights.bin',
    ]);
  });
});

describe('a model that is replaced while it is read', () => {
  it('is read again', async () => {
    await saveModel(directory, older);
    disk.beforeRead = async (path) => {
      if (!path.endsWith('weights.bin')) return;
      disk.beforeRead = undefined;
      await saveModel(directory, newer);
      await saveModel(directory, newest);
    };
    expectModel(await loadModel(directory), newest);
  });

  it('is given up where it never stands still', async () => {
    await saveModel(directory, older);
    let reads = 0;
    const disturb = async (path: string) => {
      if (path.endsWith('model.json')) return;
      reads++;
      disk.beforeRead = undefined;
      await saveModel(directory, { ...newer, metadata: { reads } });
      disk.beforeRead = disturb;
    };
    disk.beforeRead = disturb;
    await expect(loadModel(directory)).rejects.toMatchObject({ code: 'bad-model' });
    expect(reads).toBe(3);
  });
});
