/** The one way to start a TypeScript file as a thread, a pool of threads, or a process. */
import './no-telemetry.ts';

import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type ForkOptions,
  fork,
  spawn,
} from 'node:child_process';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { unlessAborted } from './aborts.ts';
import { compiled } from './compiled.mjs';
import { codeOf } from './errors.ts';

/** What the process was started with concerns its own file only. */
const NO_OPTIONS: string[] = [];

/** Starts a TypeScript file as a thread of its own, which gets `workerData`. */
export function startThread(file: URL, workerData: unknown): Worker {
  return new Worker(compiled(file), { workerData, execArgv: NO_OPTIONS });
}

/** Starts a TypeScript file as a process of its own, with a channel for messages. */
export function startProcess(file: URL, args: readonly string[], options: ForkOptions = {}): ChildProcess {
  return fork(fileURLToPath(compiled(file)), args, { execArgv: NO_OPTIONS, ...options });
}

/**
 * Starts a TypeScript file as a process that is not trusted and talks over its standard streams. It gets nothing of this one's environment,
 * which holds tokens, and keeps little memory for later.
 * @param options.maxBytes most writable memory that it may have (RLIMIT_DATA), on Linux; threads' stacks count, used or not
 */
export function startConfined(file: URL, { maxBytes }: { readonly maxBytes: number }): ChildProcessWithoutNullStreams {
  const flags = ['--max-old-space-size=64', '--max-semi-space-size=2', '--v8-pool-size=1', '--expose-gc'];
  const command = [process.execPath, ...flags, fileURLToPath(compiled(file))];
  // A shell sets the bound and becomes the process.
  const bounded = [
    '/bin/sh',
    '-c',
    `ulimit -s 2048 && ulimit -d ${Math.round((maxBytes + CODE_RANGE) / 1024)} && exec "$@"`,
    'sh',
    ...command,
  ];
  const [program, ...args] = platform() === 'linux' ? bounded : command;
  return spawn(program!, args, { env: { ...FRUGAL, UV_THREADPOOL_SIZE: '2' } });
}

/** V8 13 (Node 24) maps all that it sets aside for machine code writable, used or not: 512 MiB, and some to align it. */
const CODE_RANGE = Number.parseInt(process.versions.v8, 10) >= 13 ? 540_000_000 : 0;

/** Has glibc give freed memory back to the system, rather than keep some for each thread. */
const FRUGAL = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' };

/** Megabytes for objects that a thread has just made, three quarters of them free when it tidies up. */
const YOUNG_MEGABYTES = 8;

interface WorkerPoolOptions {
  /** Most worker threads; they start when work comes. */
  readonly threads: number;
  /** Most tasks that are under way on a thread at once; 1 by default. For tasks that mostly wait for native code. */
  readonly atOnce?: number;
  /**
   * True where the worker runs native code that calls back into JavaScript (onnxruntime): ending its thread in the middle of
   * that ends the whole process. A task then runs to its end even where nobody waits for it any more, and `close` waits for it.
   */
  readonly uninterruptible?: boolean;
  /** True where idle threads may be ended to free what they hold (`restWorkers`): what a worker loads, its next task loads again. */
  readonly mayRest?: boolean;
  /** How long a task that must not be interrupted may go on after it was given up, in milliseconds: then its thread is taken to hang. */
  readonly hangsAfter?: number;
}

/** What was at work ended in the middle of it: native code broke down, or there was not enough memory. */
export class WorkerDied extends Error {
  override readonly name = 'WorkerDied';
}

const HANGS_AFTER_MS = 30_000;

/** Threads that all run one file's default export, off the main thread. */
export interface WorkerPool<Task, Result> {
  /**
   * Runs one task on the next free thread. Task and result travel by structured clone.
   * @param signal ends a waiting task, or a running one together with its thread, whose place a new one takes. In an
   *   uninterruptible pool it only ends the waiting for the task; a thread that hangs in it is replaced after a while
   * @throws the signal's reason when it was aborted; WorkerDied where the thread ended in the middle, which is
   *   replaced; whatever the worker threw otherwise
   */
  run(task: Task, signal?: AbortSignal): Promise<Result>;
  /** Ends every thread, at once; tasks that are still running are rejected (an uninterruptible pool waits for them). */
  close(): Promise<void>;
}

/**
 * @param worker address of a TypeScript file whose default export takes a Task and returns a Result (or a promise of one):
 *   `new URL('./name-worker.ts', import.meta.url)`
 */
export function createWorkerPool<Task, Result>(worker: URL, options: WorkerPoolOptions): WorkerPool<Task, Result> {
  const { uninterruptible = false, hangsAfter = HANGS_AFTER_MS } = options;
  const open = () => {
    const pool = new Piscina<Task, Result>({
      filename: fileURLToPath(compiled(worker)),
      minThreads: 0,
      maxThreads: options.threads,
      concurrentTasksPerWorker: options.atOnce ?? 1,
      // What a thread has loaded is kept.
      idleTimeout: Number.POSITIVE_INFINITY,
      execArgv: NO_OPTIONS,
      // Ten threads with room for 48 MB of short-lived objects each would fill it before they tidy up; what they work on lies elsewhere.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
      // The default waits for work by blocking the thread: timers and promises that a worker leaves behind would stand still.
      atomics: 'disabled',
    });
    // A thread that ends without a task is replaced like any other.
    pool.on('error', () => {});
    return pool;
  };
  let pool = open();
  let atWork = 0;
  /** Tasks that must not be interrupted; each begins anew where the pool that it is in is replaced. */
  const running = new Set<Again>();
  const replace = () => {
    const hanging = pool;
    pool = open();
    for (const { again } of running) again();
    // Of several threads, others may be in the middle of native code.
    if (options.threads === 1) void hanging.destroy();
  };
  const runToItsEnd = async (task: Task, signal?: AbortSignal): Promise<Result> => {
    const entry: Again = { again: () => {} };
    let watch: NodeJS.Timeout | undefined;
    const result = new Promise<Result>((resolve, reject) => {
      const begin = () => {
        const at = pool;
        // What a pool that was replaced makes of it does not count any more.
        at.run(task).then(resolve, (error: unknown) => at === pool && reject(error));
      };
      entry.again = () => (signal?.aborted ? reject(signal.reason) : begin());
      begin();
    });
    const onAbort = () => {
      watch = setTimeout(replace, hangsAfter).unref();
    };
    running.add(entry);
    entry.ended = result.then(noop, noop).finally(() => {
      running.delete(entry);
      clearTimeout(watch);
      signal?.removeEventListener('abort', onAbort);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    return await unlessAborted(result, signal);
  };
  const rest = async () => {
    if (atWork + running.size > 0) return;
    const resting = pool;
    pool = open();
    await resting.destroy();
  };
  if (options.mayRest) resters.add(rest);
  return {
    async run(task, signal) {
      signal?.throwIfAborted();
      atWork += 1;
      try {
        return await (uninterruptible ? runToItsEnd(task, signal) : pool.run(task, { signal: signal ?? null }));
      } catch (error) {
        // Piscina reports an aborted task by an error of its own; the caller wants the reason it gave.
        signal?.throwIfAborted();
        if (!isDeath(error)) throw error;
        throw new WorkerDied('a thread ended in the middle of its work', { cause: error });
      } finally {
        atWork -= 1;
      }
    },
    async close() {
      resters.delete(rest);
      await Promise.all([...running].map(({ ended }) => ended));
      await pool.destroy();
    },
  };
}

const noop = () => {};

const resters = new Set<() => Promise<void>>();

/** Ends the threads of all pools that may rest and have nothing to do: what they hold is free when this resolves. */
export async function restWorkers(): Promise<void> {
  await Promise.all([...resters].map((rest) => rest()));
}

/** A task that is under way in a pool that may be replaced. */
interface Again {
  again: () => void;
  ended?: Promise<void>;
}

/** Whether a task ended with its thread rather than by itself. */
function isDeath(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY' || error.message.startsWith('worker exited with code');
}
