import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';

const children = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  // A child that is being killed may still write a file or two.
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
});

/** Makes a child process end together with this one, unless this one is killed by SIGKILL. @returns the child */
export function endsWithThis<T extends ChildProcess>(child: T): T {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Has a temporary folder removed when this process ends, after its children. @returns the folder */
export function goesWithThis(folder: string): string {
  folders.add(folder);
  return folder;
}
