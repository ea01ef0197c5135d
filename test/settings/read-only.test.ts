import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FileStore } from '../../src/settings/file-store.ts';
import { Settings } from '../../src/settings/settings.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

test('a disk that is read-only says so, reads on and loses nothing', async ({ skip }) => {
  const directory = await temporaryFolder();
  const path = join(directory, 'settings.db');
  const first = new Settings(new FileStore(path));
  await first.setOptedOut('test', 'U1', true);
  await first.close();
  const mount = (...args: string[]) => spawnSync('mount', [...args, directory]).status === 0;
  if (!mount('--bind', directory)) skip('A read-only disk is not tested: no right to mount one.');
  try {
    expect(mount('-o', 'remount,bind,ro')).toBe(true);
    const log = createLogger({ level: 'silent' });
    const error = vi.spyOn(log, 'error');
    const settings = new Settings(new FileStore(path), log);
    for (const optsOut of [true, false]) {
      await expect(settings.setOptedOut('test', 'U2', optsOut)).rejects.toMatchObject({
        code: 'no-space',
        message: expect.stringMatching(/may not be written.*Nothing has changed/),
      });
      expect(await settings.hasOptedOut('test', 'U1')).toBe(true);
      expect(await settings.hasOptedOut('test', 'U2')).toBe(false);
    }
    expect(error).not.toHaveBeenCalled();
    expect(mount('-o', 'remount,bind,rw')).toBe(true);
    await settings.setOptedOut('test', 'U2', true);
    expect(await settings.hasOptedOut('test', 'U2')).toBe(true);
    await settings.close();
  } finally {
    spawnSync('umount', ['--lazy', directory]);
  }
});
