import type { Output } from '../command-line.ts';

/** The fewest photos for which progress is shown. */
const MANY = 3;

/** A line on a terminal that shows how many photos have been read. */
export interface Progress {
  /** Shows that the next photo is being read. */
  next(photo: string): void;
  /** Removes the line, so that other text can be printed there. */
  clear(): void;
}

/**
 * Makes a progress line. It shows nothing where the output is no terminal, such as a log, or where there are few photos.
 * @param of the number of photos
 */
export function progressOn(output: Output, of: number): Progress {
  if (!output.isTTY || of < MANY) return { next: () => {}, clear: () => {} };
  let photos = 0;
  return {
    next: (photo) => {
      photos++;
      // Cut to the width of most terminals, since a line that wraps cannot be removed.
      output.write(`\r\u001b[K${`${photos} of ${of}: ${photo}`.slice(0, 78)}`);
    },
    clear: () => output.write('\r\u001b[K'),
  };
}
