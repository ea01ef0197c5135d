import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesOf, PRIVATE_FOLDER, unlessMissing } from './files.ts';

/** Rights of the group and of everybody else. */
const OTHERS = 0o077;

/**
 * Takes all rights to a folder of the program's own from everybody but the user: an earlier release, or a copy, may have left it open. Of a
 * folder that holds other things too only what is the program's is shut, since others may need the rest.
 * @param isOwn whether the file or folder of a name is the program's; a folder is shut with all that is in it
 * @returns how many files and folders were open, and whether the folder itself had to stay so
 * @throws the file system's error where a file or folder is somebody else's
 */
export async function shutFolder(
  directory: string,
  isOwn: (name: string) => boolean,
): Promise<{ readonly shut: number; readonly staysOpen: boolean }> {
  // Windows has no such rights: there, what is in a user's folder is the user's.
  if (process.platform === 'win32') return { shut: 0, staysOpen: false };
  const names = await entriesOf(directory);
  let shut = 0;
  for (const name of names) if (isOwn(name)) shut += await shutAll(join(directory, name));
  if (names.every(isOwn)) return { shut: shut + (await shutOne(directory)), staysOpen: false };
  return { shut, staysOpen: ((await lstat(directory)).mode & OTHERS) !== 0 };
}

/** Shuts a file, or a folder with all that is in it. */
async function shutAll(path: string): Promise<number> {
  const stats = await unlessMissing(() => lstat(path));
  // What a link leads to is elsewhere, and not for this to change.
  if (stats === undefined || stats.isSymbolicLink()) return 0;
  // From the outside in: once the folder is shut, nobody else gets to what is in it.
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
