import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pRetry from 'p-retry';
import { z } from 'zod';
import { codeOf } from './errors.ts';
import { entriesOf, fileRights, makeFolder, readIfThere } from './files.ts';

/** A lock that is held until it is released or this process is dead. */
export interface FileLock {
  /** Releases the lock. */
  release(): Promise<void>;
}

const ownerSchema = z.object({ pid: z.int(), started: z.string() });

type Owner = z.infer<typeof ownerSchema>;

const RETRY_MS = 50;

/**
 * Takes a lock among all processes of this machine. It consists of files `<name>.<n>.lock` in a directory; the process that
 * made the one with the highest number holds the lock. A new holder adds a file with the next number instead of replacing one.
 * So if several processes find the lock of a dead owner, only one of them can take it over. Numbers only grow. An owner is
 * a process id with the start time of that process, since process ids are reused.
 *
 * @returns undefined where a living process holds it, which may be this one
 * @throws the file system's error, such as ENOSPC
 */
export async function acquireLock(directory: string, name: string): Promise<FileLock | undefined> {
  await makeFolder(directory);
  for (;;) {
    const numbers = await lockNumbers(directory, name);
    const highest = numbers.at(-1) ?? 0;
    if (highest > 0 && (await isHeld(lockPath(directory, name, highest)))) return undefined;
    const path = lockPath(directory, name, highest + 1);
    if (!(await claim(directory, path))) continue;
    try {
      // If this process was slow, others may have used this number and deleted its file meanwhile.
      const now = await lockNumbers(directory, name);
      if (now.at(-1) !== highest + 1) {
        await rm(path, { force: true });
        continue;
      }
      for (const old of now.slice(0, -1)) await rm(lockPath(directory, name, old), { force: true });
    } catch (error) {
      // Nobody else could release it until this process ends.
      await release(path);
      throw error;
    }
    return { release: () => release(path) };
  }
}

/**
 * The same, but waits for a living holder to release it.
 * @returns undefined where it is still held when the time is over
 */
export async function waitForLock(directory: string, name: string, timeoutMs: number): Promise<FileLock | undefined> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const lock = await acquireLock(directory, name);
    if (lock || performance.now() > until) return lock;
    await delay(RETRY_MS);
  }
}

/** Creates a lock file with its content in one step. @returns false where there is a file of that name, or another try is needed */
async function claim(directory: string, path: string): Promise<boolean> {
  const aside = join(directory, `${randomUUID()}.tmp`);
  try {
    await write(aside, await thisProcess(), await fileRights(directory));
    return await link(aside, path).then(
      () => true,
      (error) => {
        // The last holder of the lock may have deleted `aside` as a leftover.
        if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
        throw error;
      },
    );
  } finally {
    // An error here must not hide that the lock was taken. A leftover does no harm.
    await rm(aside, { force: true }).catch(() => {});
  }
}

/**
 * Empties the file, but keeps it: if it were deleted, its number could be used again. Emptying needs no space on a full disk, but a file
 * descriptor. It is tried a few times, since otherwise the lock would be held until this process ends.
 */
async function release(path: string): Promise<void> {
  await pRetry(() => truncate(path, 0), { retries: 5, minTimeout: RETRY_MS });
}

async function write(path: string, owner: Owner, rights: number): Promise<void> {
  const file = await open(path, 'w', rights);
  try {
    await file.writeFile(JSON.stringify(owner));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function thisProcess(): Promise<Owner> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? '' };
}

async function isHeld(path: string): Promise<boolean> {
  const text = await readIfThere(path);
  let owner: Owner;
  try {
    owner = ownerSchema.parse(JSON.parse(text ?? ''));
  } catch {
    // Lock files appear with all their content. One without was released, or damaged by a crash of the machine, which ended its owner.
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

/**
 * The start time of a process, as a text to compare. Process ids are reused, but not with the same start time. Linux has it in
 * /proc, other systems in the output of `ps`. On Windows the text only tells that there is such a process.
 * @returns undefined where no such process is alive
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return await linuxStart(pid);
  if (process.platform === 'win32') return isAlive(pid) ? 'alive' : undefined;
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || undefined;
  } catch (error) {
    // ps exits with status 1 where there is no such process.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

async function linuxStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The program's name is in brackets and may contain anything. The other fields start after the last bracket (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    // Field 22 counts clock ticks since the machine started, so the id of that start belongs to the result.
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    return `${boot} ${fields[19]}`;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
