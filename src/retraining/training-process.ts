import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { startProcess } from '../base/workers.ts';
import type { EngineChoice } from '../emotion/engines/engine.ts';
import type { ChildArguments } from './child.ts';

/** Settings of the training's process. */
export interface TrainingProcessOptions {
  readonly stateDirectory: string;
  readonly modelDirectory: string;
  readonly engine?: EngineChoice;
  /** Environment of the process; empty by default. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Threads that the training computes on; one a core by default. */
  readonly threads?: number;
  /** Most bytes of memory that the training may take; by default 4 GiB, or half of the machine's memory if that is less. */
  readonly memoryBytes?: number;
  /** How many trained versions are kept; 5 by default. */
  readonly keepVersions?: number;
  /** The file that the process runs; child.ts by default. */
  readonly child?: URL;
}

/**
 * Starts the process that trains the job in the state folder.
 * @param data folder of the data
 * @param temporary folder for its temporary files; files that a killed process leaves are deleted with the run's folder
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

/** Waits until a process ends. @returns how it ended, in words for the log, and the last 4000 characters of its standard error */
export async function endOf(child: ChildProcess): Promise<{ readonly ending: string; readonly complaint: string }> {
  let complaint = '';
  // A process that could not be started may have no streams; 'once' then rejects with the reason.
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(-4000);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { ending: signal ?? `exit code ${code}`, complaint };
}
