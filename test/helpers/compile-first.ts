import { pathToFileURL } from 'node:url';
import { compiled } from '../../src/base/compiled.mjs';
import { RUNS_SOURCE } from './run-script.ts';

/** Makes both copies of the sources, with the tests and without, before files at once would each make their own. */
export default function compileFirst(): void {
  for (const file of [pathToFileURL(RUNS_SOURCE), new URL(import.meta.url)]) compiled(file);
}
