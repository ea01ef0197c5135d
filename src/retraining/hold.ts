import type { FileLock } from '../base/lock.ts';
import type { Logger } from '../base/log.ts';
import type { Job, RetrainingFiles } from './files.ts';
import type { Lease, Machines, Standing } from './machines.ts';
import { underWayElsewhere } from './telling.ts';

/** Name of the lock of the process that supervises the training. */
const LOCK = 'supervisor';
/** Stands in for `lost` where there is no lease. */
const NEVER = new AbortController().signal;

/** The right to supervise the training: this machine's lock, and the lease among machines where they share a Redis. */
export class Hold {
  readonly #lock: FileLock;
  #lease: Lease | undefined;

  constructor(lock: FileLock) {
    this.#lock = lock;
  }

  /** Aborted once another machine may train. */
  get lost(): AbortSignal {
    return this.#lease?.lost ?? NEVER;
  }

  /** Takes the lease too, unless it has it already. @returns whether it has it. Parameters and errors are those of `Machines.claim`. */
  async share(machines: Machines, ...claim: Parameters<Machines['claim']>): Promise<boolean> {
    this.#lease ??= await machines.claim(...claim);
    return this.#lease !== undefined;
  }

  async release(): Promise<void> {
    await this.#lease?.release();
    await this.#lock.release();
  }
}

interface HoldsOptions {
  readonly files: RetrainingFiles;
  /** The machines that share a Redis; absent where this machine is alone. */
  readonly machines: Machines | undefined;
  readonly log: Logger;
  /** What other machines are told about a training. */
  readonly standingOf: (job: Job) => Standing;
}

/** Hands out the right to supervise the training. */
export class Holds {
  readonly #options: HoldsOptions;

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** Takes the right on this machine. @returns undefined where another process has it @throws the file system's errors */
  async take(): Promise<Hold | undefined> {
    const lock = await this.#options.files.lock(LOCK);
    return lock && new Hold(lock);
  }

  /** Takes the right among all machines. @returns false where another one trains @throws as `Machines.claim` does */
  async share(hold: Hold, job: Job): Promise<boolean> {
    const { files, log, machines, standingOf } = this.#options;
    if (machines === undefined) return true;
    const onCancel = () => {
      files.askToCancel(job.id).catch((err: unknown) => {
        log.error({ err }, 'another machine cancels the training, but this could not be passed on to it');
      });
    };
    return await hold.share(machines, job.id, { standing: () => standingOf(job), onCancel });
  }

  /** The same as `share`, but throws. @throws UserError 'busy' where another machine trains */
  async shareOrBusy(hold: Hold, job: Job): Promise<void> {
    if (!(await this.share(hold, job))) throw underWayElsewhere(await this.elsewhere(job));
  }

  /** The training of another machine. @param own the last training of this machine @throws as `Machines.current` does */
  async elsewhere(own: Job | undefined): Promise<Standing | undefined> {
    const current = await this.#options.machines?.current();
    return current?.job === own?.id ? undefined : current;
  }

  /** The same as `elsewhere`, but undefined where it cannot be looked up. Never rejects. */
  async elsewhereIfKnown(own: Job | undefined): Promise<Standing | undefined> {
    try {
      return await this.elsewhere(own);
    } catch (err) {
      this.#options.log.warn({ err }, 'it cannot be looked up whether a training runs on another machine');
      return undefined;
    }
  }

  /** Cancels another machine's training. @returns whether there is one @throws as `Machines.cancel` does */
  async cancelElsewhere(own: Job | undefined): Promise<boolean> {
    return (await this.elsewhere(own)) !== undefined && (await this.#options.machines!.cancel());
  }

  async close(): Promise<void> {
    await this.#options.machines?.close();
  }
}
