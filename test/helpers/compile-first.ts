import { pathToFileURL } from 'node:url';
import { compiled } from '../../src/base/compiled.mjs';
import { RUNS_SOURCE } from './run-script.ts';

/** Compiles both copies of the sources, with the tests and without, so that parallel test files do not each compile their own. */
export default function compileFirst(): void {
  for (const file of [pathToFileURL(RUNS_SOURCE), new URL(import.meta.url)]) compiled(file);
}
