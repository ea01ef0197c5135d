import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { startProcess } from '../base/workers.ts';
import type { EngineChoice } from '../emotion/engines/engine.ts';
import type { ChildArguments } from './child.ts';

/** What the training's process works with. */
export interface TrainingProcessOptions {
  readonly stateDirectory: string;
  readonly modelDirectory: string;
  readonly engine?: EngineChoice;
  /** Environment of the process; empty by default. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Threads that the training computes on; one a core by default. */
  readonly threads?: number;
  /** Most bytes that the training may take: 4 GiB, or half of a smaller machine. */
  readonly memoryBytes?: number;
  /** Trained versions that are kept: 5. */
  readonly keepVersions?: number;
  /** The file that the process runs: child.ts. */
  readonly child?: URL;
}

/**
 * Starts the process that trains the job in the state folder.
 * @param data folder of the data
 * @param temporary folder of its temporary files: what a kill leaves there goes with the run
 */
export function startTraining(options: TrainingProcessOptions, data: string, temporary: string): ChildProcess {
  const { stateDirectory, modelDirectory, engine = 'auto', threads, keepVersions = 5 } = options;
  const memoryBytes = options.memoryBytes ?? Math.min(4 * 2 ** 30, totalmem() / 2);
  const args: ChildArguments = {
    stateDirectory,
    modelDirectory,
    data,
    temporary,
    engine,
    ...(threads !== undefined && { threads }),
    memoryBytes,
    keepVersions,
  };
  const { child = new URL('./child.ts', import.meta.url) } = options;
  return startProcess(child, [JSON.stringify(args)], {
    execArgv: [`--max-old-space-size=${Math.max(64, Math.floor(memoryBytes / 2 ** 20))}`],
    env: { ...options.environment, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** Waits for a process: how it ended, in words for the log, and the end of what it wrote to its standard error. */
export async function endOf(child: ChildProcess): Promise<{ readonly ending: string; readonly complaint: string }> {
  let complaint = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(-4000);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { ending: signal ?? `exit code ${code}`, complaint };
}
