import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { explainFile } from '../../src/base/files.ts';
import type { PhotoSource } from './photos.ts';

/** Which photo it is: what it is called, and where it lies in the folder that was named. */
type Named = Pick<PhotoSource, 'name' | 'inside'>;

/** A folder that annotated pictures go into, each under a name that tells which photo it was. */
export interface OutputFolder {
  /**
   * Writes one picture: of holiday.png to holiday-emotions.jpg, of one found in a folder at the same place in this one. Where several
   * photos of this run would go to one name, their names tell what sets them apart: the ending, or the folders they lie in, such as
   * a-holiday-emotions.jpg. None of the photos themselves is ever written to, whatever link leads there.
   * @param ending of the file's name; jpg unless told
   * @returns the path written
   * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be written to
   */
  write(photo: Named, picture: Uint8Array, ending?: 'jpg' | 'webp'): Promise<string>;
}

/**
 * Makes the folder where there is none.
 * @param photos all that are read, as far as they are known
 * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be made
 */
export async function openOutputFolder(path: string, photos: readonly Named[]): Promise<OutputFolder> {
  await makeFolder(path);
  const originals = new Set(await Promise.all(photos.map(({ name }) => identity(name))));
  const wanted = wantedBy(photos);
  /** Which photo a name was given to. Some file systems hold A.jpg and a.jpg for one name. */
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
        await makeFolder(dirname(file));
        try {
          await writeFile(file, picture);
        } catch (error) {
          throw explained(error, file);
        }
        return file;
      }
      throw new Error('a photo has endlessly many names');
    },
  };
}

/** The names that photos have in common, in lower case, and which photos those are. */
function wantedBy(photos: readonly Named[]): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const photo of photos) {
    for (const name of apartNames(photo)) {
      const key = name.toLowerCase();
      wanted.set(key, (wanted.get(key) ?? new Set()).add(resolve(photo.name)));
    }
  }
  return wanted;
}

/** Names that a photo's picture may have, the shortest first, without end. */
function* namesFor(photo: Named): Generator<string> {
  yield* apartNames(photo);
  const { dir, name } = parse(photo.inside);
  for (let count = 2; ; count++) yield join(dir, `${name}-emotions-${count}.jpg`);
}

/** Names that tell a photo apart: by its name, its ending, then the folders that it lies in. */
function* apartNames(photo: Named): Generator<string> {
  const { dir, name, ext } = parse(photo.inside);
  const folders = dirname(resolve(photo.name)).split(sep).filter(Boolean);
  for (let depth = 0; depth <= folders.length; depth++) {
    const before = folders.slice(folders.length - depth).map((folder) => `${folder.replaceAll(':', '')}-`);
    const stem = [...before, name].join('');
    yield join(dir, `${stem}-emotions.jpg`);
    if (ext !== '') yield join(dir, `${stem}-${ext.slice(1)}-emotions.jpg`);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw explained(error, path);
  }
}

/** A mistake in the folder that was asked for, in words; anything else stays what it is. */
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

/** Which file a path leads to, the same for every link to it; undefined when there is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    // No such file, or one that cannot be looked at: reading or writing it will say so.
    return undefined;
  }
}
