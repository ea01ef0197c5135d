import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tool } from '../../scripts/command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program that runs a TypeScript file of this project: `node RUNS_SOURCE FILE`. */
export const RUNS_SOURCE = join(root, 'src', 'base', 'compiled.mjs');

export interface ScriptResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the tool in a file of scripts/ in this process, from the repository's root, as `npm test` is. */
export async function runScript(name: string, ...args: string[]): Promise<ScriptResult> {
  const { main }: { main: Tool } = await import(new URL(`../../scripts/${name}`, import.meta.url).href);
  const said = { stdout: '', stderr: '' };
  const code = await main(args, {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    signal: new AbortController().signal,
  });
  return { code, ...said };
}
