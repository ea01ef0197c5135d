import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Puts a file in place so that, whenever the machine stops, the path holds either the old content or all of the new:
 * it is written beside its place as `<path>.tmp`, forced to the disk and renamed, and the rename is forced to the disk
 * too. A leftover .tmp file is overwritten by the next call.
 *
 * @throws the file system's error, such as ENOSPC; the path then still holds the old content
 */
export async function writeDurably(path: string, content: Uint8Array | string): Promise<void> {
  const aside = `${path}.tmp`;
  const file = await open(aside, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

/** Forces a directory's entries to the disk. Windows opens no directories, and its file systems log renames. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
