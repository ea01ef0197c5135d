import { stat } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { watch } from 'chokidar';
import { UserError } from '../../src/base/errors.ts';
import { isPhoto, type PhotoSource, photoFile } from './photos.ts';

/** Milliseconds that a file must stay as it is before it is read: until then it is still being copied. */
const SETTLED_MS = 500;
const LOOK_MS = 100;

/**
 * The photos that are put into a folder from now on, or changed in it, one after the other, until the signal fires.
 * @param folder in which, and in the folders in it, photos are looked for; hidden ones are passed over
 * @param out where annotated pictures go, which are not read in turn
 * @param onReady called once the folder is being watched
 * @throws UserError bad-usage where there is no such folder; not-found where it goes away
 */
export async function* newPhotos(
  folder: string,
  out: string | undefined,
  signal: AbortSignal,
  onReady: () => void,
): AsyncGenerator<PhotoSource> {
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) throw new UserError('bad-usage', `${folder} is not a folder that can be watched.`);
  // By place: a photo that changes again before its turn has one turn.
  const waiting = new Map<string, PhotoSource>();
  let failure: unknown;
  let wake = () => {};
  const watcher = watch(folder, {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: SETTLED_MS, pollInterval: LOOK_MS },
    ignored: (path, stats) =>
      (resolve(path) !== resolve(folder) && basename(path).startsWith('.')) ||
      (stats?.isFile() === true && !isPhoto(path, out)),
  });
  const onPhoto = (path: string) => {
    waiting.set(path, photoFile(path, relative(folder, path)));
    wake();
  };
  const fail = (error: unknown) => {
    failure ??= error;
    wake();
  };
  watcher.on('add', onPhoto).on('change', onPhoto).on('error', fail).on('ready', onReady);
  watcher.on('unlinkDir', (path) => {
    if (resolve(path) === resolve(folder)) fail(new UserError('not-found', `${folder} is not there any more.`));
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      const [first] = waiting;
      if (first) {
        waiting.delete(first[0]);
        yield first[1];
      } else if (failure !== undefined) throw failure;
      else {
        await new Promise<void>((done) => {
          wake = done;
        });
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    await watcher.close();
  }
}
