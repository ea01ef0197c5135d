import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { shutFolder } from '../../src/base/shut-folder.ts';

const isOwn = (name: string) => ['settings.db', 'jobs'].includes(name);

/** A folder as an earlier release left it: open to all, with a file and a folder of its own. */
async function openFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shut-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'jobs', 'run'), { recursive: true });
  for (const name of ['settings.db', 'jobs/job.json', 'jobs/run/start']) {
    await writeFile(join(directory, name), '');
    await chmod(join(directory, name), 0o664);
  }
  for (const name of ['', 'jobs', 'jobs/run']) await chmod(join(directory, name), 0o755);
  return directory;
}

const rights = async (...path: string[]) => (await stat(join(...path))).mode & 0o777;

test('a folder that was left open is shut with all that is in it, once', async () => {
  const directory = await openFolder();
  expect(await shutFolder(directory, isOwn)).toEqual({ shut: 6, staysOpen: false });
  for (const name of ['', 'jobs', 'jobs/run']) expect(await rights(directory, name)).toBe(0o700);
  for (const name of ['settings.db', 'jobs/job.json', 'jobs/run/start'])
    expect(await rights(directory, name)).toBe(0o600);
  expect(await shutFolder(directory, isOwn)).toEqual({ shut: 0, staysOpen: false });
  expect(await shutFolder(join(directory, 'none'), isOwn)).toEqual({ shut: 0, staysOpen: false });
});

test('what is not the program’s stays as it is, and so does the folder that holds it', async () => {
  const directory = await openFolder();
  const elsewhere = await openFolder();
  await writeFile(join(directory, 'holiday.txt'), '');
  await chmod(join(directory, 'holiday.txt'), 0o644);
  await symlink(elsewhere, join(directory, 'jobs', 'link'));
  expect(await shutFolder(directory, isOwn)).toEqual({ shut: 5, staysOpen: true });
  expect([await rights(directory), await rights(directory, 'holiday.txt')]).toEqual([0o755, 0o644]);
  expect(await rights(directory, 'jobs')).toBe(0o700);
  expect(await rights(elsewhere)).toBe(0o755);
});
