import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { fileTrouble, makeFolder } from '../base/files.ts';
import { type FileLock, waitForLock } from '../base/lock.ts';
import { ENGINE_CHOICES } from '../emotion/engines/engine.ts';
import { VersionRegistry } from '../versions/registry.ts';
import { type Job, type JobStatus, newStatus, RetrainingFiles } from './files.ts';
import { retrain } from './retrain.ts';

/**
 * The process that trains, started by Retraining with its arguments as JSON. It sends its parent every change by IPC
 * and keeps the status file. It stops after a checkpoint when the training is cancelled, when the parent sends 'pause',
 * or when the parent is gone. After the latter two the next bot continues the training.
 */

/** The child's command-line argument. */
const childArguments = z.object({
  stateDirectory: z.string(),
  modelDirectory: z.string(),
  data: z.string(),
  /** Folder for temporary files; TMPDIR in its environment is the same. */
  temporary: z.string(),
  engine: z.enum(ENGINE_CHOICES),
  threads: z.int().optional(),
  memoryBytes: z.number(),
  keepVersions: z.int(),
});

export type ChildArguments = z.infer<typeof childArguments>;

/** How long to wait for the process of a bot that was killed: it may have a step, a checkpoint and a chart to finish. */
const ORPHAN_MS = 10 * 60_000;
const REPORT_EVERY_MS = 500;
const WRITE_EVERY_MS = 5000;
const LOOK_EVERY_MS = 300;

async function main(): Promise<void> {
  // Before any thread is made: a thread inherits the priority of the thread that makes it.
  setPriority(constants.priority.PRIORITY_LOW);
  raiseOomScore();
  const args = childArguments.parse(JSON.parse(process.argv[2]!));
  const pause = new AbortController();
  process.on('disconnect', () => pause.abort());
  process.on('message', () => pause.abort());
  process.on('SIGTERM', () => pause.abort());
  // The parent may have died while this file was being loaded.
  if (!process.connected) pause.abort();
  // Ctrl+C in a terminal reaches the whole process group. The parent decides whether the training stops.
  process.on('SIGINT', () => {});
  const files = new RetrainingFiles(args.stateDirectory);
  const job = await files.job();
  if (!job) return;
  const teller = new Teller(files, job.id);
  const cancel = new AbortController();
  const looking = setInterval(() => {
    files.isCancelled(job.id).then(
      (cancelled) => cancelled && cancel.abort(),
      // The next look tries again.
      (error: unknown) => complainOnce(`The file that says whether the training is cancelled cannot be read: ${error}`),
    );
  }, LOOK_EVERY_MS);
  let lock: FileLock | undefined;
  try {
    lock = await waitForLock(files.directory, 'child', ORPHAN_MS);
    if (!lock || pause.signal.aborted) return;
    await teller.begin();
    await makeFolder(args.temporary);
    const signal = AbortSignal.any([pause.signal, cancel.signal]);
    const result = await retrain({
      job,
      run: files.run(job.id),
      data: args.data,
      registry: new VersionRegistry(args.modelDirectory),
      engine: args.engine,
      ...(args.threads !== undefined && { threads: args.threads }),
      memoryBytes: args.memoryBytes,
      keepVersions: args.keepVersions,
      signal,
      onChange: (change) => teller.change(change),
    });
    if (result) await teller.end({ state: 'finished', result });
    else if (cancel.signal.aborted) await teller.end({ state: 'cancelled' });
  } catch (error) {
    if (cancel.signal.aborted) await teller.end({ state: 'cancelled' });
    else if (!pause.signal.aborted)
      await teller.end({ state: 'failed', error: withoutPaths(sentenceFor(error), args, job) });
  } finally {
    clearInterval(looking);
    await lock?.release();
  }
}

const complaints = new Set<string>();

/** Writes an error to the parent's log, once for each text. */
function complainOnce(complaint: string): void {
  if (!complaints.has(complaint)) process.stderr.write(`${complaint}\n`);
  complaints.add(complaint);
}

/** Makes Linux end this process rather than the bot when the machine runs out of memory. */
function raiseOomScore(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch (error) {
    process.stderr.write(`The system cannot be told to end the training first when memory runs out: ${error}\n`);
  }
}

/** Keeps the status, sends it to the parent and writes its file. Progress is sent and written less often; other changes at once. */
class Teller {
  #status: JobStatus;
  #reportedAt = 0;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  private readonly files: RetrainingFiles;

  constructor(files: RetrainingFiles, job: string) {
    this.files = files;
    this.#status = newStatus(job);
  }

  /** Takes the status of an earlier process over as 'running'. */
  async begin(): Promise<void> {
    const { error: _, result: __, ...before } = await this.files.status(this.#status.job);
    this.#status = { ...before, state: 'running', pid: process.pid };
    this.change({});
  }

  change(change: Partial<JobStatus>): void {
    this.#status = { ...this.#status, ...change };
    const now = performance.now();
    const atOnce = change.progress === undefined;
    if (atOnce || now - this.#reportedAt > REPORT_EVERY_MS) {
      this.#reportedAt = now;
      if (process.connected) process.send!(this.#status);
    }
    if (atOnce || now - this.#written > WRITE_EVERY_MS) {
      this.#written = now;
      // Reported only. If the disk is full, the next checkpoint fails too and ends the training.
      this.#write().catch((error: unknown) => complainOnce(`The status cannot be written: ${error}`));
    }
  }

  /** Sends the last status before writing it, so that the parent gets it even where the disk is full. */
  async end(change: Partial<JobStatus>): Promise<void> {
    this.#status = { ...this.#status, ...change };
    if (process.connected) await new Promise((done) => process.send!(this.#status, done));
    await this.#write().catch((error: unknown) => process.stderr.write(`The status cannot be written: ${error}\n`));
  }

  /** Writes the newest status, one write at a time. */
  #write(): Promise<void> {
    const write = () => this.files.writeStatus(this.#status);
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

function sentenceFor(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const { stack, message } = error as Error;
  if (fileTrouble(error) === 'full')
    return 'The disk is full. The network in use stays. Free some space, then /retrain resume continues from the last checkpoint.';
  process.stderr.write(`${stack}\n`);
  return `Something went wrong in the training (${message}). The network in use stays; the log says more.`;
}

/** Replaces paths by the settings that name them: a whole channel reads the sentence, and need not see the machine's folders. */
function withoutPaths(sentence: string, args: ChildArguments, { data }: Job): string {
  const names: [string, string][] = [
    [args.data, data === undefined ? 'DATA_DIR' : `DATA_DIR/${data}`],
    [args.stateDirectory, 'STATE_DIR'],
    [args.modelDirectory, 'MODEL_DIR'],
  ];
  return names.reduce((text, [path, name]) => text.replaceAll(resolve(path), name), sentence);
}

// It runs only as a process of its own. Other files import nothing but types from here.
if (process.send) await main().finally(() => process.exit());
