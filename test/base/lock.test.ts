import { appendFile, link, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { acquireLock, processStart } from '../../src/base/lock.ts';
import { isLocked } from '../helpers/is-locked.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

vi.mock(import('node:fs/promises'), async (original) => {
  const actual = await original();
  return { ...actual, link: vi.fn(actual.link), rm: vi.fn(actual.rm), truncate: vi.fn(actual.truncate) };
});

test('a lock is let go on a full disk, and one that cannot be taken there leaves nothing (needs the right to mount)', async (context) => {
  const disk = await smallDisk(64 * 1024);
  if (disk === undefined) return context.skip();
  const lock = await acquireLock(disk, 'one');
  await expect(appendFile(join(disk, 'filling'), Buffer.alloc(128 * 1024))).rejects.toMatchObject({ code: 'ENOSPC' });
  await expect(acquireLock(disk, 'another')).rejects.toMatchObject({ code: 'ENOSPC' });
  expect((await readdir(disk)).sort()).toEqual(['filling', 'one.1.lock']);
  expect(await isLocked(disk, 'one')).toBe(true);
  await lock!.release();
  expect(await isLocked(disk, 'one')).toBe(false);
});

test('a lock of which nobody can tell who holds it is not taken', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'one.1.lock'));
  await expect(acquireLock(folder, 'one')).rejects.toMatchObject({ code: 'EISDIR' });
});

test('a process that is slower than two others, whose numbers were used and removed in that time, does not get the lock', async () => {
  const folder = await temporaryFolder();
  const taken = vi.mocked(link).getMockImplementation()!;
  vi.mocked(link).mockImplementationOnce(async (from, to) => {
    // Number 1, which this one is about to make, has been made, let go and removed; another holds number 2.
    const holder = { pid: process.pid, started: await processStart(process.pid) };
    await writeFile(join(folder, 'one.2.lock'), JSON.stringify(holder));
    await taken(from, to);
  });
  expect(await acquireLock(folder, 'one')).toBeUndefined();
  expect(await readdir(folder)).toEqual(['one.2.lock']);
});

test('a lock whose file is cleared away as a leftover before it has its name is taken all the same', async () => {
  const folder = await temporaryFolder();
  const taken = vi.mocked(link).getMockImplementation()!;
  vi.mocked(link).mockImplementationOnce(async (from, to) => {
    await rm(from);
    await taken(from, to);
  });
  expect(await acquireLock(folder, 'one')).toBeDefined();
  expect(await readdir(folder)).toEqual(['one.1.lock']);
});

/** As where this process has no file descriptor left. */
const tooMany = () => Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });

test.each([/\.tmp$/, /one\.1\.lock$/])(
  'a lock that was made, but could not be tidied up after (%s), is not held by nobody',
  async (what) => {
    const folder = await temporaryFolder();
    await (await acquireLock(folder, 'one'))!.release();
    const remove = vi.mocked(rm).getMockImplementation()!;
    vi.mocked(rm).mockImplementation(async (path, options) => {
      if (what.test(String(path))) throw tooMany();
      await remove(path, options);
    });
    const first = await acquireLock(folder, 'one').catch(() => undefined);
    vi.mocked(rm).mockImplementation(remove);
    await first?.release();
    expect(await acquireLock(folder, 'one')).toBeDefined();
  },
);

test('a lock that cannot be let go in one moment is let go in the next', async () => {
  const folder = await temporaryFolder();
  const lock = await acquireLock(folder, 'one');
  vi.mocked(truncate).mockRejectedValueOnce(tooMany());
  await lock!.release();
  expect(await acquireLock(folder, 'one')).toBeDefined();
});
