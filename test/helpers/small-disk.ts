import { execFileSync } from 'node:child_process';
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './tiny-fer2013.ts';

/**
 * A folder on a file system of its own with so many bytes, gone when the test is over.
 * @returns undefined where this user may not mount one
 */
export async function smallDisk(bytes: number): Promise<string | undefined> {
  const directory = join(await temporaryFolder(), 'disk');
  await mkdir(directory);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory]);
  });
  return directory;
}

/** Fills a file's disk until only so many bytes are free. */
export async function fillDisk(file: string, free: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file));
  await writeFile(file, Buffer.alloc(Math.max(0, bavail * bsize - free)));
}
