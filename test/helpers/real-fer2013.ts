import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const shared = (name: string) => {
  const path = fileURLToPath(new URL(`../../../shared/${name}`, import.meta.url));
  return process.env.LONG_TESTS === '1' && existsSync(path) ? path : undefined;
};

/**
 * The folder with the real FER2013, where it lies beside the repository and somebody asks for the tests that take long, or
 * undefined: `LONG_TESTS=1 npm test`. Tests that need it are skipped otherwise and say so in their names.
 */
export const REAL_FER2013: string | undefined = shared('fer2013');

/** FER+'s file of votes on it, likewise. */
export const REAL_VOTES: string | undefined = shared('ferplus/fer2013new.csv');
