import type { Request } from '../../commands/request.ts';
import type { Logger } from '../base/log.ts';
import { type Job, type JobKey, type Journal, type LeftJob, MOST_WHISPERS } from '../work/journal.ts';

/** Milliseconds before an answer that could not be sent is tried again, doubled each time up to the second number. */
const AGAIN_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
/** How long it is tried again, in milliseconds. After that it is left for the next run. */
const GIVE_UP_MS = 30 * 60_000;
/** Runs that may end in the middle of a job before it is looked at alone: most likely another one was the reason. */
const RUNS_TOGETHER = 3;

interface OwedOptions {
  readonly platform: string;
  readonly log: Logger;
  readonly journal: Journal;
  /** True where jobs are workers': no picture can end this process, and what it does itself takes no time. */
  readonly handsOver?: boolean;
  /**
   * Has a job of before answered, unless it has been.
   * @param earlier absent where work on it has never begun
   * @returns once it has been answered; false where there was nobody to answer any more, or an answer already
   * @throws where that cannot be found out
   */
  readonly takeUp: (job: Job, earlier: Request['earlier']) => Promise<boolean>;
}

/** What the bot owes an answer to: written down before work on it begins, forgotten once it is answered. */
export class Owed {
  readonly #options: OwedOptions;
  /** What is tried again later, by its key. */
  readonly #later = new Map<string, NodeJS.Timeout>();
  /** How often each was tried again, and when that is to end. */
  readonly #tries = new Map<string, { readonly count: number; readonly until: number }>();
  #isStopped = false;

  constructor(options: OwedOptions) {
    this.#options = options;
  }

  /** Writes a job down. Never rejects: an answer without a journal is better than none. */
  async begin(job: Job): Promise<void> {
    await this.#write('begin', () => this.#options.journal.begin(job));
  }

  /** Forgets a job, whatever it came to. Never rejects. */
  async end(job: JobKey): Promise<void> {
    this.#tries.delete(keyOf(job));
    await this.#write('end', () => this.#options.journal.end(job));
  }

  /** Notes that something is about to be said that only the asker sees, or could not be. Never rejects. */
  async whisper(job: JobKey, couldNot = false): Promise<void> {
    await this.#write('whisper', () => this.#options.journal.whisper(job, couldNot));
  }

  /** Whether a job waits to be tried again. */
  isLater(job: JobKey): boolean {
    return this.#later.has(keyOf(job));
  }

  /** Tries a job again after a while: its answer could not be sent. */
  again(job: Job): void {
    const key = keyOf(job);
    const { log, platform } = this.#options;
    const now = Date.now();
    const { count, until } = this.#tries.get(key) ?? { count: 0, until: now + GIVE_UP_MS };
    if (this.#isStopped || this.#later.has(key)) return;
    if (now >= until) {
      log.error({ platform }, 'an answer could not be sent for half an hour; it is left for the next start');
      return;
    }
    this.#tries.set(key, { count: count + 1, until });
    const timer = setTimeout(
      () => {
        this.#later.delete(key);
        void this.#try(job, { brokeDown: false });
      },
      Math.min(AGAIN_MS * 2 ** count, LONGEST_PAUSE_MS),
    );
    this.#later.set(key, timer.unref());
  }

  /**
   * Takes up what earlier runs of the bot have left; a few at a time, so that what is asked now has its turn.
   * @param bot the account that was asked
   * @param isOurs as of `Journal.takeOver`
   */
  async takeOver(bot: string, isOurs?: (place: string) => Promise<boolean>): Promise<void> {
    const { journal, log, platform } = this.#options;
    const left = await journal.takeOver(bot, isOurs);
    if (left.length === 0) return;
    const answered = await this.takeUp(left);
    log.info({ platform, left: left.length, answered }, 'what the last run of the bot had left was taken up');
  }

  /** Takes up jobs that may have been answered. @returns how many of them had not, and are now */
  async takeUp(all: readonly (Job | LeftJob)[]): Promise<number> {
    const said = all.filter((job) => 'whispers' in job && job.whispers >= MOST_WHISPERS);
    await Promise.all(said.map((job) => this.end(job)));
    const jobs = all.filter((job) => !said.includes(job));
    const { handsOver } = this.#options;
    const suspects = handsOver ? [] : jobs.filter((job) => 'runs' in job && job.runs >= RUNS_TOGETHER);
    const others = jobs.filter((job) => !suspects.includes(job));
    let answered = 0;
    const workers = Array.from({ length: handsOver ? HANDED_AT_A_TIME : AT_A_TIME }, async () => {
      for (let job = others.shift(); job !== undefined && !this.#isStopped; job = others.shift()) {
        if (await this.#try(job, 'runs' in job ? { brokeDown: false } : undefined)) answered += 1;
      }
    });
    await Promise.all(workers);
    // One after the other, and marked before: where the process ends again, it is known by which.
    for (const job of suspects) {
      if (this.#isStopped) break;
      const brokeDown = 'isSuspect' in job && job.isSuspect;
      await this.#write('suspect', () => this.#options.journal.suspect(job));
      if (await this.#try(job, { brokeDown })) answered += 1;
    }
    return answered;
  }

  /** Tries nothing again from now on: what is owed is left for the next run. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
  }

  async #try(job: Job, earlier: Request['earlier']): Promise<boolean> {
    try {
      const isAnswered = await this.#options.takeUp(job, earlier);
      if (!isAnswered) await this.end(job);
      return isAnswered;
    } catch (error) {
      const { log, platform } = this.#options;
      log.warn(
        { platform, err: error },
        'it could not be found out whether something was answered; trying again later',
      );
      this.again(job);
      return false;
    }
  }

  async #write(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const { log, platform } = this.#options;
      log.error({ platform, what, err: error }, 'the journal of what is under way could not be written');
    }
  }
}

/** Jobs of before that are under way at a time, and that are looked for at a time where workers answer them. */
const AT_A_TIME = 4;
const HANDED_AT_A_TIME = 16;

function keyOf({ bot, place, message }: JobKey): string {
  return `${bot} ${place} ${message}`;
}
