import type { FileLock } from '../base/lock.ts';
import type { Logger } from '../base/log.ts';
import type { Job, RetrainingFiles } from './files.ts';
import type { Lease, Machines, Standing } from './machines.ts';
import { underWayElsewhere } from './telling.ts';

/** Held by the process that looks after the training. */
const LOCK = 'supervisor';
/** Of a training that no other machine knows of. */
const NEVER = new AbortController().signal;

/** The right to look after the one training: the lock of this machine, and the lease among machines where they share a Redis. */
export class Hold {
  readonly #lock: FileLock;
  #lease: Lease | undefined;

  constructor(lock: FileLock) {
    this.#lock = lock;
  }

  /** Fires once another machine may train. */
  get lost(): AbortSignal {
    return this.#lease?.lost ?? NEVER;
  }

  /** Takes the lease too, unless it has it. @returns whether it has; parameters and errors as of `Machines.claim` */
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
  /** Machines of which one trains at a time; absent where this one is alone. */
  readonly machines: Machines | undefined;
  readonly log: Logger;
  /** What other machines are told of a training. */
  readonly standingOf: (job: Job) => Standing;
}

/** Who may look after the training. */
export class Holds {
  readonly #options: HoldsOptions;

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** Takes the right on this machine. @returns undefined where another process has it; the file system's errors */
  async take(): Promise<Hold | undefined> {
    const lock = await this.#options.files.lock(LOCK);
    return lock && new Hold(lock);
  }

  /** Takes the right among all machines. @returns false where another one trains; errors as of `Machines.claim` */
  async share(hold: Hold, job: Job): Promise<boolean> {
    const { files, log, machines, standingOf } = this.#options;
    if (machines === undefined) return true;
    const onCancel = () => {
      files.askToCancel(job.id).catch((err: unknown) => {
        log.error({ err }, 'a training that another machine calls off could not be told so');
      });
    };
    return await hold.share(machines, job.id, { standing: () => standingOf(job), onCancel });
  }

  /** As `share`. @throws UserError 'busy' where another machine trains */
  async shareOrBusy(hold: Hold, job: Job): Promise<void> {
    if (!(await this.share(hold, job))) throw underWayElsewhere(await this.elsewhere(job));
  }

  /** The training of another machine. @param own the last one of this machine; errors as of `Machines.current` */
  async elsewhere(own: Job | undefined): Promise<Standing | undefined> {
    const current = await this.#options.machines?.current();
    return current?.job === own?.id ? undefined : current;
  }

  /** As `elsewhere`; undefined also where that cannot be looked up. Never rejects. */
  async elsewhereIfKnown(own: Job | undefined): Promise<Standing | undefined> {
    try {
      return await this.elsewhere(own);
    } catch (err) {
      this.#options.log.warn({ err }, 'it cannot be looked up whether a training runs on another machine');
      return undefined;
    }
  }

  /** Calls another machine's training off. @returns whether there is one; errors as of `Machines.cancel` */
  async cancelElsewhere(own: Job | undefined): Promise<boolean> {
    return (await this.elsewhere(own)) !== undefined && (await this.#options.machines!.cancel());
  }

  async close(): Promise<void> {
    await this.#options.machines?.close();
  }
}
