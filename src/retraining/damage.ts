import type { Logger } from '../base/log.ts';
import { type InstalledNetwork, insteadOfUsed } from '../versions/instead.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import type { BoardFinder } from './boards.ts';
import type { RetrainingFiles } from './files.ts';

/** Milliseconds between looks. */
const LOOK_EVERY_MS = 30_000;
/** Held while it is told, since several processes may share the files. */
const LOCK = 'damage';

interface DamageOptions {
  readonly files: RetrainingFiles;
  readonly registry: VersionRegistry;
  /** The network that photos are read with. */
  readonly reading: () => Promise<InstalledNetwork>;
  /** Has the reader look at once which version is in use. */
  readonly refresh: () => Promise<void>;
  readonly log: Logger;
  readonly lookEveryMs?: number;
}

/** Tells admins, where the last training was told, that the version in use cannot be loaded and another one reads: once a version. */
export class DamageWatch {
  readonly #options: DamageOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The look that is under way. */
  #looking: Promise<void> | undefined;

  constructor(options: DamageOptions) {
    this.#options = options;
  }

  /** Looks now, and then again and again. @param serves which platforms this process can tell it on */
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

  /** Looks no more. @returns once the look that is under way has ended */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Never rejects: what cannot be told now is told later. */
  async #look(findBoard: BoardFinder, serves: (platform: string) => boolean): Promise<void> {
    const { files, log } = this.#options;
    try {
      const found = await this.#damage();
      const told = await files.damageTold();
      if (found?.used === told) return;
      if (found === undefined) return await files.markDamage(undefined);
      const job = await files.job();
      // The log says it, /retrain status and npm run doctor.
      if (job === undefined || !serves(job.platform)) return;
      const lock = await files.lock(LOCK);
      if (lock === undefined) return;
      try {
        if ((await files.damageTold()) === found.used) return;
        const board = await findBoard(job.platform, job.channel);
        if (board === undefined)
          log.warn('the channel of the last training is gone: nobody is told of a damaged version');
        await board?.post({ text: found.text });
        await files.markDamage(found.used);
      } finally {
        await lock.release();
      }
    } catch (err) {
      log.warn({ err }, 'that a version cannot be loaded could not be told');
    }
  }

  async #damage(): ReturnType<typeof insteadOfUsed> {
    const { registry, reading, refresh } = this.#options;
    // Another may have been put in use a moment ago; a look that is under way may have begun before that.
    await refresh();
    await refresh();
    return await insteadOfUsed(registry, reading);
  }
}
