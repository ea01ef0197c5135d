import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, UserError } from '../base/errors.ts';
import { makePrivateFolder, writeDurably } from '../base/files.ts';
import { acquireLock, type FileLock, waitForLock } from '../base/lock.ts';
import { epochSchema } from '../training/run/checkpoint.ts';
import type { TrainingPlanInput } from '../training/run/plan.ts';
import { type VersionId, versionId } from '../versions/shipped.ts';

/**
 * The files of a training in STATE_DIR/retraining. Each file is replaced whole. Any process can read from them how the
 * training goes, cancel it, and continue it after a crash.
 */

/** How long to wait for another process that writes one of the files, in milliseconds. A write takes a few. */
const WRITE_MS = 5000;

const jobSchema = z.object({
  id: z.string(),
  /** Where progress is reported: a platform's name and a channel's id on it. */
  platform: z.string(),
  channel: z.string(),
  /** Who started it: an id on that platform, since no name is stored. Earlier releases wrote a name. */
  by: z.string(),
  /** A folder inside DATA_DIR; absent for DATA_DIR itself. */
  data: z.string().optional(),
  clean: z.boolean(),
  /** How much higher its accuracy on PublicTest must be for it to be put in use, 0..1. */
  margin: z.number(),
  /** A plan as trainingPlan() takes it. */
  plan: z.record(z.string(), z.unknown()),
});

/** A training as it was requested. */
export type Job = Readonly<z.infer<typeof jobSchema>>;

/** An admin's request for a training. */
export interface RetrainingRequest extends Pick<Job, 'platform' | 'channel' | 'by' | 'clean' | 'margin'> {
  readonly plan: TrainingPlanInput;
  readonly data?: string | undefined;
  /** Display name of the person `by`; kept in memory only. */
  readonly name: string;
}

const progressSchema = z.object({
  epoch: z.int(),
  epochs: z.int(),
  batch: z.int(),
  batches: z.int(),
  loss: z.number(),
  accuracy: z.number(),
  imagesPerSecond: z.number(),
  secondsLeft: z.number(),
  history: z.array(epochSchema),
  epochEnded: z.boolean(),
});

const statusSchema = z.object({
  job: z.string(),
  /** 'running' also while no process works on it: the next bot continues it. */
  state: z.enum(['running', 'cancelled', 'failed', 'finished']),
  phase: z.enum(['starting', 'checking', 'training', 'judging']),
  /** The process that trains. */
  pid: z.int().optional(),
  /** Sentences about the data. */
  findings: z.array(z.string()),
  progress: progressSchema.optional(),
  /** Why it failed, for people. */
  error: z.string().optional(),
  result: z.object({ version: z.int(), promoted: z.boolean() }).optional(),
});

/** The status of a training. */
export type JobStatus = Readonly<z.infer<typeof statusSchema>>;

/** The status of a training that is about to start. */
export function newStatus(job: string): JobStatus {
  return { job, state: 'running', phase: 'starting', findings: [] };
}

/** Why a training counts as failed whose end is not known any more. */
const UNWRITTEN =
  'It has ended, but how could not be written down. /retrain resume continues from the last checkpoint.';

const markSchema = z.object({ job: z.string() });

const damageSchema = z.object({ version: versionId.optional() });

/** The files of the last training; there is one at a time. */
export class RetrainingFiles {
  /** Folder of the files and the locks. */
  readonly directory: string;
  /** The training whose end this process has reported, in case the file that remembers this cannot be written. */
  #reported: string | undefined;

  constructor(stateDirectory: string) {
    this.directory = join(stateDirectory, 'retraining');
  }

  /** Folder of a training's checkpoints. */
  run(job: string): string {
    return join(this.runs, job);
  }

  get runs(): string {
    return join(this.directory, 'runs');
  }

  /** Takes a lock among all processes that share these files. @returns undefined where another process holds it */
  async lock(name: string): Promise<FileLock | undefined> {
    await makePrivateFolder(this.directory);
    return await acquireLock(this.directory, name);
  }

  /** The last training that was requested, in whatever state it is. */
  async job(): Promise<Job | undefined> {
    return await this.#read('job.json', jobSchema);
  }

  async writeJob(job: Job): Promise<void> {
    await this.#write('job.json', job);
  }

  /** The status of a training; `newStatus` where none was written yet. */
  async status(job: string): Promise<JobStatus> {
    const read = await this.#read('status.json', statusSchema);
    const status = read?.job === job ? read : newStatus(job);
    if (status.state !== 'running' || !(await this.#isMarked(job))) return status;
    // Its end was told, but its last status could not be written, or was damaged since: nobody works on it any more.
    return { ...status, state: 'failed', error: UNWRITTEN };
  }

  async writeStatus(status: JobStatus): Promise<void> {
    await this.#write('status.json', status);
  }

  /** Asks the process that trains to stop: it looks at this file. */
  async askToCancel(job: string): Promise<void> {
    await this.#write('cancel.json', { job });
  }

  async takeBackCancel(): Promise<void> {
    await this.#write('cancel.json', { job: '' });
  }

  async isCancelled(job: string): Promise<boolean> {
    return (await this.#read('cancel.json', markSchema))?.job === job;
  }

  /** Remembers that the end of a training has been reported. */
  async markEndReported(job: string): Promise<void> {
    this.#reported = job;
    await this.#write('told.json', { job });
    // Another process may resume it, and change the file.
    this.#reported = undefined;
  }

  async forgetEndReported(): Promise<void> {
    this.#reported = undefined;
    await this.#write('told.json', { job: '' });
  }

  async isEndReported(job: string): Promise<boolean> {
    if (await this.#isMarked(job)) return true;
    // Another process may have resumed it since.
    return this.#reported === job && (await this.status(job)).state !== 'running';
  }

  async #isMarked(job: string): Promise<boolean> {
    return (await this.#read('told.json', markSchema))?.job === job;
  }

  /** The version in use that was last reported as damaged; undefined once the version in use can be loaded. */
  async reportedDamage(): Promise<VersionId | undefined> {
    return (await this.#read('damage.json', damageSchema))?.version;
  }

  async markDamage(version: VersionId | undefined): Promise<void> {
    await this.#write('damage.json', { version });
  }

  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(join(this.directory, name), 'utf8')));
    } catch (error) {
      const code = codeOf(error);
      // A file of another release counts as missing.
      if (code === 'ENOENT' || error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await makePrivateFolder(this.directory);
    // Two writers at once would share the temporary file: two admins who cancel, say.
    const lock = await waitForLock(this.directory, 'files', WRITE_MS);
    if (!lock)
      throw new UserError('busy', 'Another process is writing the record of trainings. Try again in a minute.');
    try {
      await writeDurably(join(this.directory, name), JSON.stringify(value));
    } finally {
      await lock.release();
    }
  }
}
