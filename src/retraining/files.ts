import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../base/errors.ts';
import { makePrivateFolder, writeDurably } from '../base/files.ts';
import { acquireLock, type FileLock } from '../base/lock.ts';
import { epochSchema } from '../training/run/checkpoint.ts';
import type { TrainingPlanInput } from '../training/run/plan.ts';
import { type VersionId, versionId } from '../versions/shipped.ts';

/**
 * What a training leaves on the disk while it runs, in STATE_DIR/retraining; each file is replaced whole. By them any
 * process can say how it goes, call it off, and go on with it after a crash.
 */

const jobSchema = z.object({
  id: z.string(),
  /** Where progress is told: a platform's name and a channel's id on it. */
  platform: z.string(),
  channel: z.string(),
  /** Who started it: an id on that platform, for no name is stored. Earlier releases wrote a name. */
  by: z.string(),
  /** A folder inside DATA_DIR; absent for DATA_DIR itself. */
  data: z.string().optional(),
  clean: z.boolean(),
  /** How much better on PublicTest it must be to be put in use, 0..1. */
  margin: z.number(),
  /** A plan as trainingPlan() takes it. */
  plan: z.record(z.string(), z.unknown()),
});

/** A training as it was asked for. */
export type Job = Readonly<z.infer<typeof jobSchema>>;

/** What an admin asks for. */
export interface RetrainingRequest extends Pick<Job, 'platform' | 'channel' | 'by' | 'clean' | 'margin'> {
  readonly plan: TrainingPlanInput;
  readonly data?: string | undefined;
  /** What others call the person `by`; kept in memory only. */
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
  /** 'running' also while nobody works on it: a bot that starts goes on with it. */
  state: z.enum(['running', 'cancelled', 'failed', 'finished']),
  phase: z.enum(['starting', 'checking', 'training', 'judging']),
  /** The process that trains. */
  pid: z.int().optional(),
  /** What was found in the data, a sentence each. */
  findings: z.array(z.string()),
  progress: progressSchema.optional(),
  /** Why it failed, for people. */
  error: z.string().optional(),
  result: z.object({ version: z.int(), promoted: z.boolean() }).optional(),
});

/** How a training stands. */
export type JobStatus = Readonly<z.infer<typeof statusSchema>>;

/** How a training stands that is about to start. */
export function newStatus(job: string): JobStatus {
  return { job, state: 'running', phase: 'starting', findings: [] };
}

const markSchema = z.object({ job: z.string() });

const damageSchema = z.object({ version: versionId.optional() });

/** The files of the one training that there can be. */
export class RetrainingFiles {
  /** Holds them, and the locks. */
  readonly directory: string;

  constructor(stateDirectory: string) {
    this.directory = join(stateDirectory, 'retraining');
  }

  /** Where a training keeps its checkpoints. */
  run(job: string): string {
    return join(this.runs, job);
  }

  get runs(): string {
    return join(this.directory, 'runs');
  }

  /** Takes a lock among all that share these files. @returns undefined where somebody holds it */
  async lock(name: string): Promise<FileLock | undefined> {
    await makePrivateFolder(this.directory);
    return await acquireLock(this.directory, name);
  }

  /** The last training that was asked for, whatever became of it. */
  async job(): Promise<Job | undefined> {
    return await this.#read('job.json', jobSchema);
  }

  async writeJob(job: Job): Promise<void> {
    await this.#write('job.json', job);
  }

  /** How a training stands; one of which nothing was written yet is about to start. */
  async status(job: string): Promise<JobStatus> {
    const status = await this.#read('status.json', statusSchema);
    return status?.job === job ? status : newStatus(job);
  }

  async writeStatus(status: JobStatus): Promise<void> {
    await this.#write('status.json', status);
  }

  /** Asks whichever process trains to stop: it looks here. */
  async askToCancel(job: string): Promise<void> {
    await this.#write('cancel.json', { job });
  }

  async takeBackCancel(): Promise<void> {
    await this.#write('cancel.json', { job: '' });
  }

  async isCancelled(job: string): Promise<boolean> {
    return (await this.#read('cancel.json', markSchema))?.job === job;
  }

  /** Remembers that a training's end has been told. */
  async markTold(job: string): Promise<void> {
    await this.#write('told.json', { job });
  }

  async takeBackTold(): Promise<void> {
    await this.#write('told.json', { job: '' });
  }

  async isTold(job: string): Promise<boolean> {
    return (await this.#read('told.json', markSchema))?.job === job;
  }

  /** The version in use of which it was told last that it cannot be loaded; undefined once it can be. */
  async damageTold(): Promise<VersionId | undefined> {
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
      // Not there, or of another release of this program: as good as not there.
      if (code === 'ENOENT' || error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await makePrivateFolder(this.directory);
    await writeDurably(join(this.directory, name), JSON.stringify(value));
  }
}
