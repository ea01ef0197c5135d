/** Files: listing folders, writing files completely or not at all, and explaining why a file could not be used. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, type Stats } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { codeOf, errorText, UserError, type UserErrorCode } from './errors.ts';

/** The reasons why a file system refuses a path. */
type FileTrouble = 'missing' | 'folder' | 'denied' | 'full' | 'exists';

/** The reason that each error code of the system means for a person. */
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

/** The reason for a file system's error; undefined for any other error. */
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

/** Why a file could not be used, as the end of a sentence that names it; the message of any other error. */
export function reasonOf(error: unknown): string {
  const trouble = fileTrouble(error);
  if (trouble) return REASONS[trouble];
  return errorText(error);
}

/** Code and sentence of a UserError. */
type Explanation = readonly [code: UserErrorCode, sentence: string];

/**
 * Turns a file system's error into a UserError.
 * @param explanations what to say for each reason that can be expected
 * @returns a UserError with the error as its cause; the error itself where `explanations` has no sentence for it
 */
export function explainFile(
  error: unknown,
  explanations: Partial<Readonly<Record<FileTrouble, Explanation>>>,
): unknown {
  const trouble = fileTrouble(error);
  const words = trouble && explanations[trouble];
  return words ? new UserError(...words, { cause: error }) : error;
}

/** Turns the error of writing a file into a UserError; returns other errors as they are. */
export function explainWrite(file: string, error: unknown): unknown {
  const noFolder: Explanation = ['bad-usage', `${file} cannot be written: its folder is not there, or is no folder.`];
  return explainFile(error, {
    missing: noFolder,
    exists: noFolder,
    folder: noFolder,
    denied: ['not-allowed', `${file} may not be written.`],
    full: ['no-space', `There is no room on the disk for ${file}.`],
  });
}

/** The same as a handler of rejections, which throws what it makes of them. */
export function explainedIn(file: string): (error: unknown) => never {
  return (error) => {
    throw explainWrite(file, error);
  };
}

/** Turns the error of a full disk into a UserError; returns other errors as they are. */
export function explainFullDisk(error: unknown): unknown {
  return explainFile(error, {
    full: ['no-space', 'The disk is full. Free some space and try again; the network in use stays.'],
  });
}

/** Modes of folders and files that only this user may use. */
export const PRIVATE_FOLDER = 0o700;
export const PRIVATE_FILE = 0o600;

/** Creates a folder, and missing ones above it, that only this user may read. An existing folder stays as it is. */
export async function makePrivateFolder(path: string): Promise<void> {
  await makeFolders(path, PRIVATE_FOLDER);
}

/** The same, synchronously. */
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

/** Creates a folder, and missing ones above it, with the mode of the folder that they are in. */
export async function makeFolder(path: string): Promise<void> {
  await makeFolders(path, await rightsAt(path));
}

/**
 * Creates a folder and missing ones above it, one after the other. Node's own recursive mkdir never ends on a file system where no folders
 * can be created, such as /proc.
 * @returns the folders that were missing, the outermost first
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

/** Whether a path exists. One that this user may not look at counts as existing: using it will give the reason. */
async function isThere(path: string): Promise<boolean> {
  return (await unlessMissing(() => stat(path))) !== undefined;
}

/** The mode of a folder, or of the nearest existing one above it. */
async function rightsAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (fileTrouble(error) !== 'missing' || dirname(path) === path) throw error;
    return await rightsAt(dirname(path));
  }
}

/** The mode for a new file that is as private as its folder. */
export async function fileRights(folder: string): Promise<number> {
  return (await rightsAt(folder)) & 0o666;
}

/** Compares file names by the numbers in them: photo2 comes before photo10. */
export const byNumber = new Intl.Collator('en', { numeric: true }).compare;

/** Names in a folder; none where there is no such folder. */
export async function entriesOf(directory: string): Promise<string[]> {
  return (await unlessMissing(() => readdir(directory))) ?? [];
}

/** Names in a folder that a person has named. @throws UserError 'no-data' where it cannot be read */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new UserError('no-data', `The folder ${folder} cannot be read: is it there, and a folder?`, { cause: error });
  }
}

/** The text of a file; undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return await unlessMissing(() => readFile(path, 'utf8'));
}

/** The stats of a path; undefined where nothing is there. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (fileTrouble(error) === 'missing') return undefined;
    throw error;
  }
}

/** Runs a read of a path; undefined where nothing is there. */
export async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Replaces a file so that, whenever the machine stops, the path holds either the old content or all of the new. The content
 * is written beside it as `<path>.tmp`, forced to the disk and renamed. The rename is forced to the disk too. The next call
 * overwrites a leftover .tmp file. A new file is as private as its folder.
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

/** The same, for a file that a person named: where it cannot be written, nothing is left beside it. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeDurably(path, content);
  } catch (error) {
    await rm(`${path}.tmp`, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Forces a directory's entries to the disk. Windows cannot open directories, and its file systems journal renames. File systems that cannot
 * do this for directories, such as some shared folders, say so with EINVAL: nothing more can be done there.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    await directory.close();
  }
}

/** SHA-256 of bytes, 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
