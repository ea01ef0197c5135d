import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { codeOf, UserError } from '../../src/base/errors.ts';
import { picturesIn } from '../../src/photo/photo-file.ts';
import { isPhoto, type PhotoSource, photoFile } from './photos.ts';

/** Milliseconds that a file must stay unchanged before it is read. Until then it may still be being copied. */
const SETTLED_MS = 500;
const LOOK_MS = 100;
/** Shortest pause, in milliseconds, between sweeps for photos that the watcher missed. */
const SWEEP_MS = 2000;
/** The pause after a slow sweep, as a multiple of the time that the sweep took. */
const SWEEP_PAUSE = 20;

/**
 * Yields the photos that are put into a folder from now on, or changed in it, until the signal fires.
 * @param folder the folder to watch, with the folders in it; hidden files and folders are ignored
 * @param out the folder of annotated pictures, which are not read
 * @param onReady called once the folder is being watched
 * @throws UserError bad-usage where there is no such folder; not-found where it is removed; busy where it has too much in it to watch
 */
export async function* newPhotos(
  folder: string,
  out: string | undefined,
  signal: AbortSignal,
  onReady: () => void,
): AsyncGenerator<PhotoSource> {
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) throw new UserError('bad-usage', `${folder} is not a folder that can be watched.`);
  // By path: a photo that changes again before it is read is read once.
  const waiting = new Map<string, PhotoSource>();
  let failure: unknown;
  let wake = () => {};
  const onPhoto = (path: string) => {
    waiting.set(path, photoFile(path, relative(folder, path)));
    wake();
  };
  const fail = (error: unknown) => {
    failure ??= tooMuch(folder, error);
    wake();
  };
  const watchers = watchFolder(folder, out, { onPhoto, fail, onReady });
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
    await watchers.close();
  }
}

interface Listener {
  onPhoto(path: string): void;
  fail(error: unknown): void;
  onReady(): void;
}

/**
 * Watches a folder, and sweeps it from time to time for photos that the watcher missed. The watcher lists a new folder before it watches
 * it, and so misses files that are put there in between.
 */
function watchFolder(folder: string, out: string | undefined, { onPhoto, fail, onReady }: Listener) {
  const options = {
    awaitWriteFinish: { stabilityThreshold: SETTLED_MS, pollInterval: LOOK_MS },
    ignorePermissionErrors: true,
    alwaysStat: true,
    ignored: (path: string, stats?: Stats) =>
      (resolve(path) !== resolve(folder) && basename(path).startsWith('.')) ||
      (stats?.isFile() === true && !isPhoto(path, out)),
  };
  /** The state of each photo when it was last reported, so that a photo that both watchers report is passed on once. */
  const reported = new Map<string, string>();
  const report = (path: string, stats?: Stats) => {
    const state = `${stats?.ino} ${stats?.size} ${stats?.mtimeMs}`;
    if (reported.get(path) === state) return;
    reported.set(path, state);
    onPhoto(path);
  };
  const watcher = watch(folder, { ...options, ignoreInitial: true });
  // Watches each file that the sweep finds.
  const found = watch([], options);
  for (const one of [watcher, found]) {
    one.on('add', report).on('change', report).on('error', fail);
    one.on('unlink', (path) => reported.delete(path));
  }
  watcher.on('unlinkDir', (path) => {
    if (resolve(path) === resolve(folder)) fail(new UserError('not-found', `${folder} is not there any more.`));
  });
  const closing = new AbortController();
  watcher.on('ready', () => {
    onReady();
    sweepUntil(closing.signal).catch(fail);
  });

  /** A photo counts as missed when two sweeps in a row find it unknown, since one sweep may be quicker than the watcher. */
  async function sweepUntil(end: AbortSignal): Promise<void> {
    let before = new Set<string>();
    for (let pause = SWEEP_MS; !end.aborted; ) {
      await delay(pause, undefined, { signal: end }).catch(() => {});
      const started = performance.now();
      const known = new Set([...pathsOf(watcher), ...pathsOf(found)]);
      const photos = (await picturesIn(folder)).map((name) => join(folder, name));
      const unknown = photos.filter((path) => isPhoto(path, out) && !known.has(resolve(path)));
      if (end.aborted) return;
      for (const path of unknown) if (before.has(path)) found.add(path);
      before = new Set(unknown);
      pause = Math.max(SWEEP_MS, SWEEP_PAUSE * (performance.now() - started));
    }
  }

  return {
    async close() {
      closing.abort();
      await Promise.all([watcher.close(), found.close()]);
    },
  };
}

/** The absolute paths of all files and folders that a watcher knows. */
function* pathsOf(watcher: FSWatcher): Generator<string> {
  for (const [directory, names] of Object.entries(watcher.getWatched()))
    for (const name of names) yield resolve(directory, name);
}

/** A UserError for an error that says that the system has no more watches to give; any other error unchanged. */
function tooMuch(folder: string, error: unknown): unknown {
  if (!['ENOSPC', 'EMFILE'].includes(codeOf(error) ?? '')) return error;
  const sentence =
    `There is more in ${folder} than this system watches at a time. Watch a folder with less in it, or raise ` +
    'fs.inotify.max_user_watches and fs.inotify.max_user_instances (sysctl).';
  return new UserError('busy', sentence, { cause: error });
}
