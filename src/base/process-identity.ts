import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * When a process was started, as text that only makes sense to compare: a number that is given to a new process later does
 * not bring the old process's time with it. Linux says it in /proc, other systems through `ps`; Windows only says whether
 * there is such a process.
 * @returns undefined where no such process is alive
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return await linuxStart(pid);
  if (process.platform === 'win32') return isAlive(pid) ? 'alive' : undefined;
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || undefined;
  } catch {
    // ps ends with 1 where there is no such process.
    return undefined;
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
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
