import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../../src/base/errors.ts';
import { byNumber } from '../../src/base/files.ts';
import { picturesIn, readPhotoFile } from '../../src/photo/photo-file.ts';
import { PICTURE_NAME } from '../../src/photo/picture-format.ts';
import type { Input } from '../command-line.ts';

/** A photo that is to be read. */
export interface PhotoSource {
  /** As it is told: the path as given, or of what was found in a folder as given; '-' for standard input. */
  readonly name: string;
  /** Where it lies in the folder that was named; its own name where it was named itself. */
  readonly inside: string;
  /** @throws UserError where there is none, or it cannot be read */
  read(maxBytes: number): Promise<Uint8Array>;
}

/** What stands for standard input on a command line. */
const STANDARD_INPUT = '-';

/** A picture that this tool has written. */
const WRITTEN = /-emotions(-\d+)?\.(jpg|webp)$/i;

/**
 * The photos that the words of a command line mean, in their order: a file, the pictures of a folder and of the folders in it, those
 * that match a pattern, or standard input. A word that means none stands for a photo whose reading says so.
 * @param out the folder that annotated pictures go to: those of an earlier run in it are not read
 */
export async function photosOf(
  words: readonly string[],
  out: string | undefined,
  stdin: Input,
): Promise<PhotoSource[]> {
  if (words.filter((word) => word === STANDARD_INPUT).length > 1)
    throw new UserError('bad-usage', 'Standard input is one photo: name - once.');
  return (await Promise.all(words.map((word) => meantBy(word, out, stdin)))).flat();
}

async function meantBy(word: string, out: string | undefined, stdin: Input): Promise<PhotoSource[]> {
  if (word === STANDARD_INPUT)
    return [{ name: word, inside: 'stdin', read: (maxBytes) => firstBytes(stdin, maxBytes) }];
  // A file may have a name that looks like a pattern.
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

/** Whether a file in a folder is a photo by its name, and not one that this tool has written there. */
export function isPhoto(path: string, out: string | undefined): boolean {
  if (!PICTURE_NAME.test(path)) return false;
  if (out === undefined || !WRITTEN.test(path)) return true;
  const way = relative(resolve(out), resolve(path));
  return way.startsWith('..') || isAbsolute(way);
}

/** @returns one byte more than `maxBytes` of what is longer */
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
