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

/** A tool's standard input, terminal and signal, where a test needs them. */
interface RunOptions {
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Whether what is said beside the result goes to a terminal. */
  readonly isTTY?: boolean;
  /** Gets all that has been said so far, each time that there is more. */
  readonly onOutput?: (said: Readonly<Record<'stdout' | 'stderr', string>>) => void;
}

/** Runs the tool in a file of scripts/ in this process, from the repository's root, as `npm test` is. */
export async function runScript(name: string, ...args: string[]): Promise<ScriptResult> {
  return await runScriptIn({}, name, ...args);
}

/** The same, with what surrounds it. */
export async function runScriptIn(
  { stdin, signal = new AbortController().signal, isTTY, onOutput = () => {} }: RunOptions,
  name: string,
  ...args: string[]
): Promise<ScriptResult> {
  const { main }: { main: Tool } = await import(new URL(`../../scripts/${name}`, import.meta.url).href);
  const said = { stdout: '', stderr: '' };
  const to = (stream: 'stdout' | 'stderr') => (text: string) => {
    said[stream] += text;
    onOutput(said);
  };
  const code = await main(args, {
    ...(stdin && { stdin }),
    stdout: { write: to('stdout') },
    stderr: { write: to('stderr'), isTTY },
    signal,
  });
  return { code, ...said };
}
