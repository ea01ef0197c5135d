import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processStart } from '../../src/base/lock.ts';

/** Whether a living process holds a lock, without trying to take it. */
export async function isLocked(directory: string, name: string): Promise<boolean> {
  const numbers = (await readdir(directory)).map((file) => Number(file.split(`${name}.`)[1]?.split('.lock')[0]));
  const highest = Math.max(0, ...numbers.filter(Number.isInteger));
  const text = highest === 0 ? '' : await readFile(join(directory, `${name}.${highest}.lock`), 'utf8');
  if (text === '') return false;
  const { pid, started } = JSON.parse(text);
  return (await processStart(pid)) === started;
}
