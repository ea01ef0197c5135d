import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { entriesOf } from './files.ts';
import { processStart } from './process-identity.ts';

/** Held until released or until this process is dead. */
export interface FileLock {
  /** Lets others have it. */
  release(): Promise<void>;
}

const ownerSchema = z.object({ pid: z.int(), started: z.string() });

type Owner = z.infer<typeof ownerSchema>;

const RETRY_MS = 50;

/**
 * Takes a lock among all processes of this machine, as files `<name>.<n>.lock` in a directory: whoever made the one with
 * the highest number holds it. A new holder adds a number rather than replacing a file, so that of several who find a
 * dead owner's lock only one can take it over; the numbers only grow. An owner is a process number with the time when that
 * process started, since numbers come round again.
 *
 * @returns undefined where a living process holds it, this one included
 * @throws the file system's error, such as ENOSPC
 */
export async function acquireLock(directory: string, name: string): Promise<FileLock | undefined> {
  await mkdir(directory, { recursive: true });
  for (;;) {
    const numbers = await lockNumbers(directory, name);
    const highest = numbers.at(-1) ?? 0;
    if (highest > 0 && (await isHeld(lockPath(directory, name, highest)))) return undefined;
    const path = lockPath(directory, name, highest + 1);
    if (!(await claim(directory, path))) continue;
    // Somebody slower than two others may have made a number that was used and cleared away meanwhile.
    const now = await lockNumbers(directory, name);
    if (now.at(-1) !== highest + 1) {
      await rm(path, { force: true });
      continue;
    }
    for (const old of now.slice(0, -1)) await rm(lockPath(directory, name, old), { force: true });
    return { release: () => release(path) };
  }
}

/**
 * The same, waiting for a living holder to let go.
 * @returns undefined where it was still held when the time was over
 */
export async function waitForLock(directory: string, name: string, timeoutMs: number): Promise<FileLock | undefined> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const lock = await acquireLock(directory, name);
    if (lock || performance.now() > until) return lock;
    await delay(RETRY_MS);
  }
}

/** Whether a living process holds the lock. */
export async function isLocked(directory: string, name: string): Promise<boolean> {
  const highest = (await lockNumbers(directory, name)).at(-1);
  return highest !== undefined && (await isHeld(lockPath(directory, name, highest)));
}

/** Makes a lock file with its content in one step. @returns false where there is one of that name */
async function claim(directory: string, path: string): Promise<boolean> {
  const aside = join(directory, `${randomUUID()}.tmp`);
  try {
    await write(aside, await myself());
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** The file stays, empty: were it removed, its number could be given again. This takes no space on a full disk. */
async function release(path: string): Promise<void> {
  await truncate(path, 0);
}

async function write(path: string, owner: Owner): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(JSON.stringify(owner));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function myself(): Promise<Owner> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? '' };
}

async function isHeld(path: string): Promise<boolean> {
  let owner: Owner;
  try {
    owner = ownerSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Lock files appear whole: one that is not was released, or damaged by a crash of the machine that its owner is gone with.
    return false;
  }
  return (await processStart(owner.pid)) === owner.started;
}

const lockPath = (directory: string, name: string, n: number) => join(directory, `${name}.${n}.lock`);

/** Numbers of the lock's files, ascending. */
async function lockNumbers(directory: string, name: string): Promise<number[]> {
  return (await entriesOf(directory))
    .filter((entry) => entry.startsWith(`${name}.`) && /^\d+\.lock$/.test(entry.slice(name.length + 1)))
    .map((entry) => Number.parseInt(entry.slice(name.length + 1), 10))
    .sort((a, b) => a - b);
}
