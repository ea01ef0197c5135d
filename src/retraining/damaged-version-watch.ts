import type { Logger } from '../base/log.ts';
import { type InstalledNetwork, loadFailureNotice } from '../versions/installed-network.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import type { RetrainingFiles } from './files.ts';
import type { BoardFinder } from './notice-boards.ts';

/** Milliseconds between looks. */
const LOOK_EVERY_MS = 30_000;
/** Name of the lock that is held while a notice is sent: several processes may share the files. */
const LOCK = 'damage';

interface DamageOptions {
  readonly files: RetrainingFiles;
  readonly registry: VersionRegistry;
  /** The network that photos are read with. */
  readonly reading: () => Promise<InstalledNetwork>;
  /** Makes the classifier look at once which version is in use. */
  readonly refresh: () => Promise<void>;
  readonly log: Logger;
  readonly lookEveryMs?: number;
}

/**
 * Tells admins that the version in use cannot be loaded, so that another one reads photos: once for each version, in the channel
 * of the last training.
 */
export class DamagedVersionWatch {
  readonly #options: DamageOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The look that is under way. */
  #looking: Promise<void> | undefined;

  constructor(options: DamageOptions) {
    this.#options = options;
  }

  /** Looks now, and then at intervals. @param serves whether this process can post on a platform */
  async begin(findBoard: BoardFinder, serves: (platform: string) => boolean): Promise<void> {
    const look = () => {
      this.#looking ??= this.#look(findBoard, serves).finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    };
    await look();
    if (this.#isStopped) return;
    const { lookEveryMs = LOOK_EVERY_MS } = this.#options;
    this.#timer = setInterval(() => void look(), lookEveryMs).unref();
  }

  /** Stops looking. @returns once a look under way has ended */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Never rejects. A notice that cannot be sent now is sent at the next look. */
  async #look(findBoard: BoardFinder, serves: (platform: string) => boolean): Promise<void> {
    const { files, log } = this.#options;
    try {
      const found = await this.#damage();
      const reported = await files.reportedDamage();
      if (found?.used === reported) return;
      if (found === undefined) return await files.markDamage(undefined);
      const job = await files.job();
      // No notice then: the log, /retrain status and `npm run doctor` say the same.
      if (job === undefined || !serves(job.platform)) return;
      const lock = await files.lock(LOCK);
      if (lock === undefined) return;
      try {
        if ((await files.reportedDamage()) === found.used) return;
        const board = await findBoard(job.platform, job.channel);
        if (board === undefined)
          log.warn('the channel of the last training is gone: nobody is told that a version is damaged');
        await board?.post({ text: found.text });
        await files.markDamage(found.used);
      } finally {
        await lock.release();
      }
    } catch (err) {
      log.warn({ err }, 'the notice that a version cannot be loaded could not be sent');
    }
  }

  async #damage(): ReturnType<typeof loadFailureNotice> {
    const { registry, reading, refresh } = this.#options;
    // Another version may have been put in use a moment ago. The first refresh may only wait for one that began before that.
    await refresh();
    await refresh();
    return await loadFailureNotice(registry, reading);
  }
}
