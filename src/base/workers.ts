/** Starts TypeScript files as a thread, a pool of threads, or a process. The project starts them nowhere else. */
import './no-telemetry.ts';

import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type ForkOptions,
  fork,
  spawn,
} from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { unlessAborted } from './aborts.ts';
import { compiled } from './compiled.mjs';
import { codeOf } from './errors.ts';

/** No Node options: those of this process are meant for its own file only. */
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
 * Starts a TypeScript file as an untrusted process that communicates over its standard streams. It gets nothing of this process's
 * environment, which holds tokens, and is set to return freed memory soon.
 * @param options.maxBytes largest writable memory (RLIMIT_DATA), on Linux; threads' stacks count whether used or not
 */
export function startConfined(file: URL, { maxBytes }: { readonly maxBytes: number }): ChildProcessWithoutNullStreams {
  const flags = ['--max-old-space-size=64', '--max-semi-space-size=2', '--v8-pool-size=1', '--expose-gc'];
  const command = [process.execPath, ...flags, fileURLToPath(compiled(file))];
  // A shell sets the limit and then becomes the process.
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

/** V8 13 (Node 24) maps its whole range for machine code as writable, used or not: 512 MiB, and some more for alignment. */
const CODE_RANGE = Number.parseInt(process.versions.v8, 10) >= 13 ? 540_000_000 : 0;

/** Makes glibc return freed memory to the system instead of keeping some for each thread. */
const FRUGAL = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' };

/** Size of a thread's young generation in megabytes, of which three quarters are free after a garbage collection. */
const YOUNG_MEGABYTES = 8;

interface WorkerPoolOptions {
  /** Largest number of worker threads. They start when there is work. */
  readonly threads: number;
  /** Largest number of tasks on a thread at a time, 1 by default. More are for tasks that mostly wait for native code. */
  readonly atOnce?: number;
  /**
   * True where the worker runs native code that calls back into JavaScript (onnxruntime): ending its thread during that ends
   * the whole process. A task then runs to its end even if nobody waits for it any more, and `close` waits for it.
   */
  readonly uninterruptible?: boolean;
  /** True where idle threads may be ended to free their memory (`endIdleThreads`). The next task loads again what a worker needs. */
  readonly idleThreadsMayEnd?: boolean;
  /** How long an uninterruptible task may run on after it was given up, in milliseconds. After that its thread is considered hung. */
  readonly hangsAfter?: number;
}

/** A thread or process ended during its work: native code crashed, or there was not enough memory. */
export class WorkerDied extends Error {
  override readonly name = 'WorkerDied';
}

const HANGS_AFTER_MS = 30_000;

/** Threads that all run one file's default export, off the main thread. */
export interface WorkerPool<Task, Result> {
  /**
   * Runs one task on the next free thread. Task and result travel by structured clone.
   * @param signal ends a waiting task, or a running one together with its thread, which is replaced. In an uninterruptible
   *   pool it only ends the waiting for the task; a thread that hangs is replaced after a while
   * @throws the signal's reason when it was aborted; WorkerDied where the thread ended during the task, and then the thread
   *   is replaced; Error where none could be started; else whatever the worker threw
   */
  run(task: Task, signal?: AbortSignal): Promise<Result>;
  /** Ends all threads at once, and rejects tasks that are still running. An uninterruptible pool waits for them instead. */
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
      // Threads are kept, with what they have loaded.
      idleTimeout: Number.POSITIVE_INFINITY,
      execArgv: NO_OPTIONS,
      // By default each thread may fill 48 MB with short-lived objects before it collects garbage, which adds up over ten threads. Their
      // data is elsewhere.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
      // By default Piscina blocks the thread while it waits for work, so timers and promises that a worker left behind would not run.
      atomics: 'disabled',
    });
    // A thread that ends without a task is replaced like any other; without this listener the error would be thrown.
    pool.on('error', (error: unknown) => giveUp(pool, error));
    return pool;
  };
  let pool = open();
  let closed = false;
  let atWork = 0;
  /** What rejects each task that was handed to the pool. */
  const handedOn = new Set<(error: unknown) => void>();
  const inPool = async (task: Task, signal?: AbortSignal): Promise<Result> => {
    const at = pool;
    const { promise: lost, reject } = rejection();
    handedOn.add(reject);
    try {
      return await Promise.race([lost, at.run(task, { signal: signal ?? null })]);
    } catch (error) {
      restart(at);
      throw error;
    } finally {
      handedOn.delete(reject);
    }
  };
  /** Has a thread started for tasks that waited behind one which ended with its thread. Piscina itself starts one for new tasks only. */
  const restart = (at: Piscina<Task, Result>) => {
    if (closed || at !== pool || at.queueSize === 0 || at.threads.length > 0) return;
    try {
      // A task that no worker has: it fails, behind the others.
      at.run(undefined as Task, { name: 'none' }).catch(noop);
    } catch (error) {
      giveUp(at, error);
    }
  };
  /** Fails the tasks that wait for a thread where none could be started, for want of memory or of open files, say. */
  const giveUp = (at: Piscina<Task, Result>, cause: unknown) => {
    if (closed || at !== pool || at.threads.length > 0) return;
    pool = open();
    const error = new Error('no thread could be started', { cause });
    for (const reject of handedOn) reject(error);
    void at.destroy();
  };
  /** Running uninterruptible tasks. Each starts again if its pool is replaced. */
  const running = new Set<RunningTask>();
  const replace = () => {
    const hanging = pool;
    pool = open();
    for (const { restart } of running) restart();
    // With several threads, the other ones may be running native code, so the old pool is left to end by itself.
    if (options.threads === 1) void hanging.destroy();
  };
  const runToItsEnd = async (task: Task, signal?: AbortSignal): Promise<Result> => {
    const entry: RunningTask = { restart: () => {} };
    let watch: NodeJS.Timeout | undefined;
    const result = new Promise<Result>((resolve, reject) => {
      let latest: Promise<Result>;
      const begin = () => {
        const begun = inPool(task);
        latest = begun;
        // An error of a pool that was replaced meanwhile is ignored.
        begun.then(resolve, (error: unknown) => begun === latest && reject(error));
      };
      entry.restart = () => (signal?.aborted ? reject(signal.reason) : begin());
      begin();
    });
    // Tasks begin in their order. One that still waits for a thread does not hang, and who waits for the one before it may be content.
    const waits = () => [...running].indexOf(entry) >= options.threads * (options.atOnce ?? 1);
    const watchFrom = (isWaiting: boolean) => {
      watch = setTimeout(() => (isWaiting ? watchFrom(waits()) : replace()), hangsAfter).unref();
    };
    const onAbort = () => watchFrom(waits());
    running.add(entry);
    entry.ended = result.then(noop, noop).finally(() => {
      running.delete(entry);
      clearTimeout(watch);
      signal?.removeEventListener('abort', onAbort);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    return await unlessAborted(result, signal);
  };
  const endIfIdle = async () => {
    if (atWork + running.size > 0) return;
    const resting = pool;
    pool = open();
    await resting.destroy();
  };
  if (options.idleThreadsMayEnd) idlePools.add(endIfIdle);
  return {
    async run(task, signal) {
      signal?.throwIfAborted();
      // Each task listens to it until it ends: one photo has as many tasks at once as there are threads. Node takes more than
      // ten for a leak.
      if (signal) setMaxListeners(0, signal);
      atWork += 1;
      try {
        return await (uninterruptible ? runToItsEnd(task, signal) : inPool(task, signal));
      } catch (error) {
        // Piscina reports an aborted task with its own error; the caller expects the signal's reason.
        signal?.throwIfAborted();
        if (!isDeath(error)) throw error;
        throw new WorkerDied('a thread ended in the middle of its work', { cause: error });
      } finally {
        atWork -= 1;
      }
    },
    async close() {
      idlePools.delete(endIfIdle);
      await Promise.all([...running].map(({ ended }) => ended));
      closed = true;
      await pool.destroy();
    },
  };
}

const noop = () => {};

/** A promise that only ever rejects, without anybody having to handle that. */
function rejection(): { readonly promise: Promise<never>; readonly reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = noop;
  const promise = new Promise<never>((_, onError) => {
    reject = onError;
  });
  promise.catch(noop);
  return { promise, reject };
}

const idlePools = new Set<() => Promise<void>>();

/** Ends the threads of all idle pools with `idleThreadsMayEnd`. Their memory is free when this resolves. */
export async function endIdleThreads(): Promise<void> {
  await Promise.all([...idlePools].map((endIfIdle) => endIfIdle()));
}

/** A running task in a pool that may be replaced. */
interface RunningTask {
  restart: () => void;
  ended?: Promise<void>;
}

/** Whether a task ended with its thread rather than by itself. */
function isDeath(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY' || error.message.startsWith('worker exited with code');
}
