import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesOf, PRIVATE_FOLDER, unlessMissing } from './files.ts';

/** Mode bits of the group and of everybody else. */
const OTHERS = 0o077;

/**
 * Closes a folder of the program to everybody but this user. An earlier release, or a copy, may have left it open. If the folder also holds
 * other files, only the program's own are closed, since others may need the rest.
 * @param isOwn whether a file or folder belongs to the program, by name; a folder is closed with everything in it
 * @returns how many files and folders were open, and whether the folder itself had to stay open
 * @throws the file system's error where a file or folder belongs to another user
 */
export async function shutFolder(
  directory: string,
  isOwn: (name: string) => boolean,
): Promise<{ readonly shut: number; readonly staysOpen: boolean }> {
  // Windows has no such mode bits. There, files in a user's folder are private by default.
  if (process.platform === 'win32') return { shut: 0, staysOpen: false };
  const names = await entriesOf(directory);
  let shut = 0;
  for (const name of names) if (isOwn(name)) shut += await shutAll(join(directory, name));
  if (names.every(isOwn)) return { shut: shut + (await shutOne(directory)), staysOpen: false };
  return { shut, staysOpen: ((await lstat(directory)).mode & OTHERS) !== 0 };
}

/** Closes a file, or a folder with everything in it. */
async function shutAll(path: string): Promise<number> {
  const stats = await unlessMissing(() => lstat(path));
  // The target of a link is somewhere else and is not changed.
  if (stats === undefined || stats.isSymbolicLink()) return 0;
  // The folder is closed before its content: after that, nobody else can reach what is in it.
  let shut = await shutOne(path);
  if (stats.isDirectory()) for (const name of await readdir(path)) shut += await shutAll(join(path, name));
  return shut;
}

async function shutOne(path: string): Promise<number> {
  const stats = await unlessMissing(() => lstat(path));
  if (stats === undefined || (stats.mode & OTHERS) === 0) return 0;
  await chmod(path, stats.mode & PRIVATE_FOLDER);
  return 1;
}
