import type { Output } from '../command-line.ts';

/** Photos from which on it is told how far the reading has come. */
const MANY = 3;

/** A line on a terminal that says how far the reading of many photos has come. */
export interface Progress {
  /** The next photo's turn has come. */
  next(photo: string): void;
  /** Takes the line away, so that something else can stand there. */
  clear(): void;
}

/**
 * Shows nothing where the output is no terminal, such as in a log, or where there are few photos.
 * @param of how many photos there are
 */
export function progressOn(output: Output, of: number): Progress {
  if (!output.isTTY || of < MANY) return { next: () => {}, clear: () => {} };
  let photos = 0;
  return {
    next: (photo) => {
      photos++;
      // No longer than a line of most terminals, since one that wraps cannot be taken away.
      output.write(`\r\u001b[K${`${photos} of ${of}: ${photo}`.slice(0, 78)}`);
    },
    clear: () => output.write('\r\u001b[K'),
  };
}
