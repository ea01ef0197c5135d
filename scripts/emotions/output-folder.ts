import { stat } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { explainFile, makeFolder, writeWhole } from '../../src/base/files.ts';
import type { PhotoSource } from './photos.ts';

/** What identifies a photo: its name, and its path in the folder that was named. */
type Named = Pick<PhotoSource, 'name' | 'inside'>;

/** A folder for annotated pictures. Each picture's name says which photo it was made from. */
export interface OutputFolder {
  /**
   * Writes one picture: that of holiday.png to holiday-emotions.jpg. The picture of a photo that was found in a folder goes to the same
   * place in this folder. Where several photos of this run would get the same name, their names also have what sets them apart: the
   * ending, or the folders that they lie in, such as a-holiday-emotions.jpg. It never overwrites one of the photos, even through a link.
   * @param ending of the file's name; jpg by default
   * @returns the path written
   * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be written to
   */
  write(photo: Named, picture: Uint8Array, ending?: 'jpg' | 'webp'): Promise<string>;
}

/**
 * Opens the folder, and makes it where there is none.
 * @param photos the photos that are read, as far as they are known
 * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be made
 */
export async function openOutputFolder(path: string, photos: readonly Named[]): Promise<OutputFolder> {
  await makeOutputFolder(path);
  const originals = new Set(await Promise.all(photos.map(({ name }) => identity(name))));
  const wanted = wantedBy(photos);
  /** The photo that each name was given to, by the name in lower case: some file systems treat A.jpg and a.jpg as one name. */
  const given = new Map<string, string>();
  return {
    async write(photo, picture, ending = 'jpg') {
      originals.add(await identity(photo.name));
      const source = resolve(photo.name);
      for (const name of namesFor(photo)) {
        const key = name.toLowerCase();
        const file = join(path, name.replace(/jpg$/, ending));
        const there = await identity(file);
        const isFree = (given.get(key) ?? source) === source && (wanted.get(key)?.size ?? 1) <= 1;
        if (!isFree || (there !== undefined && originals.has(there))) continue;
        given.set(key, source);
        await makeOutputFolder(dirname(file));
        try {
          await writeWhole(file, picture);
        } catch (error) {
          throw explained(error, file);
        }
        return file;
      }
      throw new Error('a photo has endlessly many names');
    },
  };
}

/** The photos that could take each name; names are in lower case. */
function wantedBy(photos: readonly Named[]): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const photo of photos) {
    for (const name of distinctNames(photo)) {
      const key = name.toLowerCase();
      wanted.set(key, (wanted.get(key) ?? new Set()).add(resolve(photo.name)));
    }
  }
  return wanted;
}

/** Names that a photo's picture may have, the shortest first. It never ends. */
function* namesFor(photo: Named): Generator<string> {
  yield* distinctNames(photo);
  const { dir, name } = parse(photo.inside);
  for (let count = 2; ; count++) yield join(dir, `${name}-emotions-${count}.jpg`);
}

/** Names that set a photo apart: by its name, then also by its ending, then also by the folders that it lies in. */
function* distinctNames(photo: Named): Generator<string> {
  const { dir, name, ext } = parse(photo.inside);
  const folders = dirname(resolve(photo.name)).split(sep).filter(Boolean);
  for (let depth = 0; depth <= folders.length; depth++) {
    const before = folders.slice(folders.length - depth).map((folder) => `${folder.replaceAll(':', '')}-`);
    const stem = [...before, name].join('');
    yield join(dir, `${stem}-emotions.jpg`);
    if (ext !== '') yield join(dir, `${stem}-${ext.slice(1)}-emotions.jpg`);
  }
}

async function makeOutputFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    throw explained(error, path);
  }
}

/** A UserError for a mistake in the folder that was named; any other error unchanged. */
function explained(error: unknown, path: string): unknown {
  const noFolder = ['bad-usage', `${path} is not a folder that pictures can go to.`] as const;
  return explainFile(error, {
    exists: noFolder,
    missing: noFolder,
    folder: noFolder,
    denied: ['not-allowed', `${path} may not be written to.`],
    full: ['no-space', `There is no room on the disk for ${path}.`],
  });
}

/** Identifies the file at a path, the same for every link to it; undefined where there is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    // The file is missing or cannot be examined. Reading or writing it will report that.
    return undefined;
  }
}
