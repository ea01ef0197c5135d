import { type Fer2013, type ReadOptions, readFer2013 } from '../src/training/data/fer2013.ts';
import type { Call } from './command-line.ts';

/** How many bad rows are named one by one. */
const MOST_NAMED = 10;

/** Reads FER2013 from a folder, and prints its warnings and bad rows in the same way for every tool. */
export async function readData(
  directory: string,
  { signal, say }: Pick<Call<unknown>, 'signal' | 'say'>,
  options: Pick<ReadOptions, 'splits'> = {},
): Promise<Fer2013> {
  const data = await readFer2013(directory, { ...options, signal });
  for (const warning of data.warnings) say(warning);
  for (const { file, line, reason } of data.skipped.slice(0, MOST_NAMED)) say(`${file}:${line} skipped: ${reason}`);
  if (data.skipped.length > MOST_NAMED) say(`... and ${data.skipped.length - MOST_NAMED} more rows skipped`);
  return data;
}
