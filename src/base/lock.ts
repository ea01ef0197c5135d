import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { codeOf } from './errors.ts';
import { entriesOf, fileRights, makeFolder, readIfThere } from './files.ts';

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
  await makeFolder(directory);
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

/** Makes a lock file with its content in one step. @returns false where there is one of that name, or it has to be tried again */
async function claim(directory: string, path: string): Promise<boolean> {
  const aside = join(directory, `${randomUUID()}.tmp`);
  try {
    await write(aside, await myself(), await fileRights(directory));
    return await link(aside, path).then(
      () => true,
      (error) => {
        // Whoever held the lock until now may have cleared `aside` away as a leftover.
        if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
        throw error;
      },
    );
  } finally {
    await rm(aside, { force: true });
  }
}

/** The file stays, empty: were it removed, its number could be given again. This takes no space on a full disk. */
async function release(path: string): Promise<void> {
  await truncate(path, 0);
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

async function myself(): Promise<Owner> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? '' };
}

async function isHeld(path: string): Promise<boolean> {
  const text = await readIfThere(path);
  let owner: Owner;
  try {
    owner = ownerSchema.parse(JSON.parse(text ?? ''));
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

/**
 * When a process was started, as text to be compared: process numbers are given again, but not with the same start.
 * Linux says it in /proc, other systems through `ps`; Windows only says whether there is such a process.
 * @returns undefined where no such process is alive
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return await linuxStart(pid);
  if (process.platform === 'win32') return isAlive(pid) ? 'alive' : undefined;
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || undefined;
  } catch (error) {
    // ps ends with 1 where there is no such process.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

async function linuxStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything: what counts starts behind the last bracket (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    // Field 22: clock ticks since the machine started, so the start of the machine belongs to it.
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
