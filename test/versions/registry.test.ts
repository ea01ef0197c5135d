import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../src/base/files.ts';
import { acquireLock, processStart } from '../../src/base/lock.ts';
import { filesIn, loadModel } from '../../src/emotion/layers-format/layers-format.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { isLocked } from '../helpers/is-locked.ts';
import { plainCard, registryWith, saveUntrained } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const numbers = async (registry: VersionRegistry) => (await registry.list()).map(({ version }) => version);

test('versions are promoted and rolled back; what is in use survives in a file', async () => {
  const { directory, registry } = await registryWith(2);
  expect(await registry.inUse()).toEqual({ version: 0 });
  await expect(registry.rollback()).rejects.toMatchObject({ code: 'not-found' });
  await registry.promote(2);
  await expect(registry.promote(2)).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(registry.promote(7)).rejects.toMatchObject({ code: 'not-found' });
  expect(await new VersionRegistry(directory).inUse()).toEqual({ version: 2, before: 0 });
  expect(await registry.rollback()).toBe(0);
  expect(await registry.rollback()).toBe(2);
  await writeFile(join(directory, 'versions', 'in-use.json'), '{"ver');
  expect(await registry.inUse()).toEqual({ version: 0 });
});

test('a network that ships beside the one of the model directory is chosen by its name, and rollback works across', async () => {
  const { directory, registry } = await registryWith(1);
  await saveUntrained(join(directory, 'fer2013'), 200);
  await mkdir(join(directory, 'reports'));
  expect(await registry.shipped()).toMatchObject([
    { version: 0, network: { directory, architecture: 'tiny' } },
    { version: 'fer2013', network: { directory: join(directory, 'fer2013') } },
  ]);
  await registry.promote('fer2013');
  expect(await new VersionRegistry(directory).inUse()).toEqual({ version: 'fer2013', before: 0 });
  const own = await loadModel(join(directory, 'fer2013'));
  expect((await registry.load('fer2013')).sha256).toBe(own.sha256);
  await registry.promote(1);
  expect(await registry.rollback()).toBe('fer2013');
  await registry.prune(1);
  expect(await numbers(registry)).toEqual([1]);
  expect(await registry.store(plainCard('job-2'), (aside) => saveUntrained(aside, 2))).toBe(2);
  for (const name of ['reports', 'versions', 'other', '..'])
    await expect(registry.promote(name)).rejects.toMatchObject({ code: 'not-found' });
  expect(await registry.inUse()).toEqual({ version: 'fer2013', before: 1 });

  // Where that folder is the model directory, the one around it goes by its name.
  const inner = new VersionRegistry(join(directory, 'fer2013'));
  expect((await inner.shipped()).map(({ version }) => version)).toEqual([0, basename(directory)]);
  await inner.promote(basename(directory));
  expect((await inner.load((await inner.inUse()).version)).sha256).toBe((await registry.load(0)).sha256);
  await inner.promote('fer2013');
  expect(await inner.inUse()).toEqual({ version: 0, before: basename(directory) });
});

test('a version is as private as the folder that it stands in, whatever the process would let others do', async () => {
  const { directory, registry } = await registryWith(0);
  await chmod(directory, 0o750);
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  await registry.store(plainCard('job-1'), (aside) => saveUntrained(aside, 1));
  const entries = await readdir(join(directory, 'versions'), { recursive: true, withFileTypes: true });
  const rights = entries.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mode & 0o007);
  expect(entries.map(({ name }) => name)).toContain('weights.bin');
  expect(new Set(await Promise.all(rights))).toEqual(new Set([0]));
});

test('a shipped network that is damaged is listed as such and refused', async () => {
  const { directory, registry } = await registryWith(0);
  await mkdir(join(directory, 'fer2013'));
  await writeFile(join(directory, 'fer2013', 'model.json'), '{}');
  expect((await registry.shipped())[1]).toEqual({ version: 'fer2013', network: undefined });
  await expect(registry.promote('fer2013')).rejects.toMatchObject({ code: 'bad-model' });
  expect(await registry.inUse()).toEqual({ version: 0 });
});

test('a half-written version is never listed nor loaded, a damaged one is refused, and a failed write leaves nothing', async () => {
  const { directory, registry } = await registryWith(2);
  const versions = join(directory, 'versions');
  await mkdir(join(versions, '11111111-1111-1111-1111-111111111111.tmp'));
  await mkdir(join(versions, '9'));
  expect(await numbers(registry)).toEqual([1, 2]);
  await truncate(join(versions, '2', 'weights.bin'), 100);
  await expect(registry.promote(2)).rejects.toMatchObject({ code: 'bad-model' });
  await expect(registry.promote(9)).rejects.toMatchObject({ code: 'not-found' });
  // Still a network that can be loaded, but not the file that the card was written with.
  await appendFile(join(versions, '1', 'model.json'), ' ');
  await expect(registry.promote(1)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringContaining('Version 1 is damaged (model.json)'),
  });
  await rm(join(versions, '2', 'weights.bin'));
  await mkdir(join(versions, '2', 'weights.bin'));
  await expect(registry.promote(2)).rejects.toMatchObject({
    code: 'bad-model',
    message: 'Version 2 cannot be read (weights.bin: it is a folder).',
  });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  await expect(
    registry.store(plainCard('job-3'), async (aside) => {
      await writeFile(join(aside, 'weights.bin'), 'half');
      throw full;
    }),
  ).rejects.toBe(full);
  expect((await readdir(versions)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await registry.inUse()).toEqual({ version: 0 });
});

test('pruning keeps the newest, the one in use and the one before', async () => {
  const { registry } = await registryWith(6);
  await registry.promote(1);
  await registry.promote(2);
  await registry.prune(4);
  expect(await numbers(registry)).toEqual([1, 2, 5, 6]);
  expect(await registry.store(plainCard('next'), (aside) => saveUntrained(aside, 7))).toBe(7);
  // The newest stays even where only those two may be kept.
  await registry.prune(2);
  expect(await numbers(registry)).toEqual([1, 2, 7]);
  // The shipped network is none of those that are counted.
  const { registry: unused } = await registryWith(3);
  await unused.prune(2);
  expect(await numbers(unused)).toEqual([2, 3]);
});

test('a number that is in use is not given again, even where its folder is gone', async () => {
  const { directory, registry } = await registryWith(1);
  const inUse = join(directory, 'versions', 'in-use.json');
  await writeFile(inUse, '{"version":4,"before":3}');
  expect(await registry.store(plainCard('one'), (aside) => saveUntrained(aside, 1))).toBe(5);
  await writeFile(inUse, '{"version":0,"before":8}');
  expect(await registry.store(plainCard('two'), (aside) => saveUntrained(aside, 2))).toBe(9);
});

test('each file of a version is read once and hashed once, however many ask for it at the same time', async () => {
  const { directory, registry } = await registryWith(1);
  const reads: string[] = [];
  const hashed: number[] = [];
  const counting = new VersionRegistry(directory, (folder) =>
    filesIn(
      folder,
      (path) => {
        reads.push(basename(path));
        return readFile(path);
      },
      (bytes) => {
        hashed.push(bytes.length);
        return sha256(bytes);
      },
    ),
  );
  const [model, same] = await Promise.all([counting.load(1), counting.load(1)]);
  expect(same).toBe(model);
  const sizes = await Promise.all(
    ['model.json', 'weights.bin'].map(async (name) => (await readFile(join(registry.directoryOf(1), name))).length),
  );
  expect(reads.sort()).toEqual(['model.json', 'weights.bin']);
  expect(hashed.sort()).toEqual(sizes.sort());
  // A later load looks at the files again.
  await truncate(join(registry.directoryOf(1), 'weights.bin'), 100);
  await expect(counting.load(1)).rejects.toMatchObject({ code: 'bad-model' });
});

test('a lock has one owner, is taken over from a dead process by one of many, and recognises a reused process number', async () => {
  const directory = await temporaryFolder();
  const first = await acquireLock(directory, 'one');
  expect(await acquireLock(directory, 'one')).toBeUndefined();
  await first!.release();
  expect(await isLocked(directory, 'one')).toBe(false);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const owner = (pid: number, started: string) => JSON.stringify({ pid, started, released: false });
  await writeFile(join(directory, 'one.2.lock'), owner(dead.pid!, 'then'));
  const takers = await Promise.all(Array.from({ length: 8 }, () => acquireLock(directory, 'one')));
  const got = takers.filter((lock) => lock !== undefined);
  expect(got).toHaveLength(1);
  await got[0]!.release();
  // This process's number, but not its start: the owner was another process.
  await writeFile(join(directory, 'one.9.lock'), owner(process.pid, 'another time'));
  expect(await isLocked(directory, 'one')).toBe(false);
  await writeFile(join(directory, 'one.9.lock'), owner(process.pid, (await processStart(process.pid))!));
  expect(await isLocked(directory, 'one')).toBe(true);
  await writeFile(join(directory, 'one.9.lock'), 'half');
  expect(await acquireLock(directory, 'one')).toBeDefined();
});
