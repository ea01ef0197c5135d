import { appendFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock, isLocked } from '../../src/base/lock.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

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
