/** Files: what is in a folder, writing so that nothing is ever half there, and why a file could not be used, in words. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, type Stats } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { codeOf, ownWords, UserError, type UserErrorCode } from './errors.ts';

/** What a file system can have against a path. */
type FileTrouble = 'missing' | 'folder' | 'denied' | 'full' | 'exists';

/** What each error code of the system comes down to for a person. */
const TROUBLES: Readonly<Record<string, FileTrouble>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ENAMETOOLONG: 'missing',
  ERR_INVALID_ARG_VALUE: 'missing',
  EISDIR: 'folder',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOSPC: 'full',
  EDQUOT: 'full',
  SQLITE_FULL: 'full',
  EEXIST: 'exists',
};

/** What a file system's error comes down to; undefined for any other error. */
export function fileTrouble(error: unknown): FileTrouble | undefined {
  return TROUBLES[codeOf(error) ?? ''];
}

const REASONS: Readonly<Record<FileTrouble, string>> = {
  missing: 'it is not there, or its folder is no folder',
  folder: 'it is a folder',
  denied: 'it may not be used',
  full: 'the disk is full',
  exists: 'it is there already',
};

/** Why a file could not be used, as the end of a sentence that names it; any other error in its own words. */
export function reasonOf(error: unknown): string {
  const trouble = fileTrouble(error);
  if (trouble) return REASONS[trouble];
  return ownWords(error);
}

/** A mistake's code and its sentence. */
type Told = readonly [code: UserErrorCode, sentence: string];

/**
 * A file system's error as a sentence for a person.
 * @param told what to say of each trouble that can be expected here
 * @returns a UserError with the error as its cause; the error itself where `told` has no sentence for it
 */
export function explainFile(error: unknown, told: Partial<Readonly<Record<FileTrouble, Told>>>): unknown {
  const trouble = fileTrouble(error);
  const words = trouble && told[trouble];
  return words ? new UserError(...words, { cause: error }) : error;
}

/** Why a file cannot be written, in words; any other error as it is. */
export function explainWrite(file: string, error: unknown): unknown {
  const noFolder: Told = ['bad-usage', `${file} cannot be written: its folder is not there, or is no folder.`];
  return explainFile(error, {
    missing: noFolder,
    exists: noFolder,
    folder: noFolder,
    denied: ['not-allowed', `${file} may not be written.`],
    full: ['no-space', `There is no room on the disk for ${file}.`],
  });
}

/** A full disk in words; any other error as it is. */
export function explainFullDisk(error: unknown): unknown {
  return explainFile(error, {
    full: ['no-space', 'The disk is full. Free some space and try again; the network in use stays.'],
  });
}

/** Rights of folders and files that are for this user only. */
export const PRIVATE_FOLDER = 0o700;
export const PRIVATE_FILE = 0o600;

/** Makes a folder that only this user may look into, and what is missing above it; one that is there stays as it is. */
export async function makePrivateFolder(path: string): Promise<void> {
  await makeFolders(path, PRIVATE_FOLDER);
}

/** The same, at once. */
export function makePrivateFolderSync(path: string): void {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode: PRIVATE_FOLDER });
    } catch (error) {
      // Another process made it meanwhile.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** Makes a folder, and what is missing above it, as private as the folder that it is made in. */
export async function makeFolder(path: string): Promise<void> {
  await makeFolders(path, await rightsAt(path));
}

/**
 * Makes a folder and what is missing above it, one after the other: Node's own way to do so never ends where a file system has no
 * folders made in it, such as /proc.
 * @returns those that were not there, the outermost first
 */
export async function makeFolders(path: string, mode: number): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isThere(folder)); folder = dirname(folder)) missing.unshift(folder);
  if (missing.length === 0 && !(await stat(path)).isDirectory()) await mkdir(path);
  for (const folder of missing) {
    await mkdir(folder, { mode }).catch((error: unknown) => {
      // Another process made it meanwhile.
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  return missing;
}

/** Whether a path leads to something; what may not be looked at counts as there, and using it says why it cannot be. */
async function isThere(path: string): Promise<boolean> {
  return (await unlessMissing(() => stat(path))) !== undefined;
}

/** The rights of a folder; of one that is missing, those of the first above it that is there. */
async function rightsAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (fileTrouble(error) !== 'missing' || dirname(path) === path) throw error;
    return await rightsAt(dirname(path));
  }
}

/** Rights of a new file that is as private as its folder. */
export async function fileRights(folder: string): Promise<number> {
  return (await rightsAt(folder)) & 0o666;
}

/** Compares file names by the numbers in them: photo2 comes before photo10. */
export const byNumber = new Intl.Collator('en', { numeric: true }).compare;

/** Names in a folder; none where there is no such folder. */
export async function entriesOf(directory: string): Promise<string[]> {
  return (await unlessMissing(() => readdir(directory))) ?? [];
}

/** The text of a file; undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return await unlessMissing(() => readFile(path, 'utf8'));
}

/** What a path leads to; undefined where that is nothing. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (fileTrouble(error) === 'missing') return undefined;
    throw error;
  }
}

/** What reading a path gives; undefined where nothing is there. */
export async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Puts a file in place so that, whenever the machine stops, the path holds either the old content or all of the new. It
 * is written beside its place as `<path>.tmp`, forced to the disk and renamed. The rename is forced to the disk too. A
 * leftover .tmp file is overwritten by the next call. A new file is as private as its folder.
 * @throws the file system's error, such as ENOSPC; the path then still holds the old content
 */
export async function writeDurably(path: string, content: Uint8Array | string): Promise<void> {
  const aside = `${path}.tmp`;
  const file = await open(aside, 'w', await fileRights(dirname(path)));
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

/** SHA-256 of bytes, 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
