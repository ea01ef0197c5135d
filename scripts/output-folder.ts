import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { explainFile } from '../src/base/files.ts';

/** A folder that annotated pictures go into, each under a name of its own. */
export interface OutputFolder {
  /**
   * Writes one picture, named after its photo: holiday.png becomes holiday-emotions.jpg, and where another photo of this run
   * has that name or one of the photos themselves lies there, holiday-emotions-2.jpg and so on.
   * @param photo path of the photo as it was given
   * @returns the path written
   */
  write(photo: string, picture: Uint8Array): Promise<string>;
}

/**
 * Makes the folder where there is none.
 * @param photos paths of all photos that are read: none of them is ever written to, whatever link leads there
 * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be made
 */
export async function openOutputFolder(path: string, photos: readonly string[]): Promise<OutputFolder> {
  await makeFolder(path);
  const originals = new Set(await Promise.all(photos.map(identity)));
  // Some file systems hold A.jpg and a.jpg for one name.
  const taken = new Set<string>();
  return {
    async write(photo, picture) {
      const stem = `${parse(photo).name}-emotions`;
      for (let count = 1; ; count++) {
        const name = count === 1 ? `${stem}.jpg` : `${stem}-${count}.jpg`;
        const file = join(path, name);
        const there = await identity(file);
        if (taken.has(name.toLowerCase()) || (there !== undefined && originals.has(there))) continue;
        taken.add(name.toLowerCase());
        try {
          await writeFile(file, picture);
        } catch (error) {
          throw explained(error, file);
        }
        return file;
      }
    },
  };
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
