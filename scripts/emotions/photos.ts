import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../../src/base/errors.ts';
import { byNumber } from '../../src/base/files.ts';
import { picturesIn, readPhotoFile } from '../../src/photo/photo-file.ts';
import { PICTURE_NAME } from '../../src/photo/picture-format.ts';
import type { Input } from '../command-line.ts';

/** A photo to read. */
export interface PhotoSource {
  /** The name that is printed: the path as it was given, or that of a photo found in the given folder; '-' for standard input. */
  readonly name: string;
  /** Its path in the folder that was named; its file name where the photo itself was named. */
  readonly inside: string;
  /** Reads the file. @throws UserError where it is missing or cannot be read */
  read(maxBytes: number): Promise<Uint8Array>;
}

/** The word that means standard input on a command line. */
const STANDARD_INPUT = '-';

/** Matches the name of a picture that this tool has written. */
const WRITTEN = /-emotions(-\d+)?\.(jpg|webp)$/i;

/**
 * The photos that the words of a command line name, in their order. A word names a file, the pictures of a folder and of the folders in
 * it, the files that match a pattern, or standard input. A word that names no photo becomes a source that throws when it is read.
 * @param out the folder of annotated pictures: those that an earlier run wrote there are not read
 */
export async function photosOf(
  words: readonly string[],
  out: string | undefined,
  stdin: Input,
): Promise<PhotoSource[]> {
  if (words.filter((word) => word === STANDARD_INPUT).length > 1)
    throw new UserError('bad-usage', 'Standard input is one photo: name - once.');
  return (await Promise.all(words.map((word) => namedBy(word, out, stdin)))).flat();
}

async function namedBy(word: string, out: string | undefined, stdin: Input): Promise<PhotoSource[]> {
  if (word === STANDARD_INPUT)
    return [{ name: word, inside: 'stdin', read: (maxBytes) => firstBytes(stdin, maxBytes) }];
  // A word that looks like a pattern may be the name of a file.
  const there = await stat(word).catch(() => undefined);
  if (there?.isDirectory()) {
    const names = (await picturesIn(word)).filter((name) => isPhoto(join(word, name), out));
    const sources = names.map((name) => photoFile(join(word, name), name));
    return sources.length > 0 ? sources : [none(word, `There are no pictures in ${word}.`)];
  }
  if (there || !isDynamicPattern(word)) return [photoFile(word)];
  const found = await glob(word.replaceAll(sep, '/'), { absolute: isAbsolute(word) });
  const names = found.filter((name) => isPhoto(name, out)).sort(byNumber);
  return names.length > 0 ? names.map((name) => photoFile(name)) : [none(word, `No picture matches ${word}.`)];
}

/** A photo on disk. @param inside its path in the folder that was named */
export function photoFile(path: string, inside = basename(path)): PhotoSource {
  return { name: path, inside, read: (maxBytes) => readPhotoFile(path, maxBytes) };
}

function none(name: string, sentence: string): PhotoSource {
  return {
    name,
    inside: basename(name),
    read: async () => {
      throw new UserError('not-found', sentence);
    },
  };
}

/** Whether a file is a photo by its name, and not a picture that this tool has written into `out`. */
export function isPhoto(path: string, out: string | undefined): boolean {
  if (!PICTURE_NAME.test(path)) return false;
  if (out === undefined || !WRITTEN.test(path)) return true;
  const way = relative(resolve(out), resolve(path));
  return way.startsWith('..') || isAbsolute(way);
}

/** Reads standard input. @returns at most `maxBytes + 1` bytes: one too many shows that the input is too long */
async function firstBytes(stdin: Input, maxBytes: number): Promise<Uint8Array> {
  async function* bounded() {
    let left = maxBytes + 1;
    for await (const chunk of stdin) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) return;
    }
  }
  return await buffer(bounded());
}
