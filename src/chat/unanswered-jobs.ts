import { setTimeout as delay } from 'node:timers/promises';
import type { Request } from '../../commands/request.ts';
import type { Logger } from '../base/log.ts';
import { type Job, type JobKey, type Journal, type LeftJob, MOST_WHISPERS } from '../work/journal.ts';

/** Milliseconds before an answer that could not be sent is tried again, doubled each time up to `LONGEST_PAUSE_MS`. */
const AGAIN_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
/** How long a job is tried again, in milliseconds. After that it is left for the next run. */
const GIVE_UP_MS = 30 * 60_000;
/** After this many runs that ended during a job, the job is tried alone. Before that, another job was most likely the cause. */
const RUNS_TOGETHER = 3;

interface UnansweredJobsOptions {
  readonly platform: string;
  readonly log: Logger;
  readonly journal: Journal;
  /** True where workers answer the jobs. Then no picture can crash this process, and its own part takes hardly any time. */
  readonly handsOver?: boolean;
  /**
   * Answers a job of an earlier run, unless it has been answered.
   * @param earlier absent where work on it has never begun
   * @returns true once it has been answered; false where nobody waits for it any more, or it had been answered before
   * @throws where that cannot be found out
   */
  readonly answerJob: (job: Job, earlier: Request['earlier']) => Promise<boolean>;
}

/** The jobs that the bot has yet to answer. Each is written to the journal before work on it begins, and deleted once it is answered. */
export class UnansweredJobs {
  readonly #options: UnansweredJobsOptions;
  /** Timers of jobs that are tried again later, by job key. */
  readonly #later = new Map<string, NodeJS.Timeout>();
  /** How often each job was tried again, and until when it is tried (milliseconds since 1970), by job key. */
  readonly #tries = new Map<string, { readonly count: number; readonly until: number }>();
  /** Keys of jobs that are left to the next run. */
  readonly #left = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(options: UnansweredJobsOptions) {
    this.#options = options;
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Records a job. Never rejects: if the journal cannot be written, the job is answered all the same. */
  async begin(job: Job): Promise<void> {
    await this.#write('begin', () => this.#options.journal.begin(job));
  }

  /** Deletes a job, whatever its outcome. Never rejects. */
  async end(job: JobKey): Promise<void> {
    this.#tries.delete(keyOf(job));
    await this.#write('end', () => this.#options.journal.end(job));
  }

  /** Records that a private reply is about to be sent, or with `couldNot` that sending it failed. Never rejects. */
  async markWhisper(job: JobKey, couldNot = false): Promise<void> {
    await this.#write('whisper', () => this.#options.journal.markWhisper(job, couldNot));
  }

  /** Records a job that is left to the next run, whatever else of its message is answered meanwhile. Never rejects. */
  async leave(job: Job): Promise<void> {
    this.#left.add(keyOf(job));
    await this.begin(job);
  }

  /** Whether another try of a job is scheduled, in this run or the next. */
  isScheduled(job: JobKey): boolean {
    return this.#later.has(keyOf(job)) || this.#left.has(keyOf(job));
  }

  /** Schedules another try of a job whose answer could not be sent. */
  tryLater(job: Job): void {
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
   * Answers the jobs that earlier runs of the bot left, a few at a time so that new requests get their turn. Where the journal fails, or it
   * cannot be known which process should answer, it is tried again.
   * @param bot the account that was asked
   * @param isOurs see `Journal.takeOverJobs`
   */
  async answerLeftJobs(bot: string, isOurs: (place: string) => Promise<boolean> = async () => true): Promise<void> {
    const { log, platform, journal } = this.#options;
    for (let pause = AGAIN_MS; !this.#isStopped; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      let isComplete = true;
      const takes = async (place: string) => {
        try {
          return await isOurs(place);
        } catch (err) {
          log.warn(
            { platform, err },
            'could not find out which process should answer a job of an earlier run; trying again',
          );
          isComplete = false;
          return false;
        }
      };
      try {
        const left = await journal.takeOverJobs(bot, takes);
        const answered = await this.answerJobs(left);
        if (left.length > 0)
          log.info(
            { platform, left: left.length, answered },
            'went through the jobs that earlier runs of the bot had left',
          );
      } catch (err) {
        log.error({ platform, err }, 'the jobs that earlier runs had left could not be taken over; trying again');
        isComplete = false;
      }
      if (isComplete) return;
      await delay(pause, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Answers those of the jobs that have not been answered yet. @returns how many it answered */
  async answerJobs(all: readonly (Job | LeftJob)[]): Promise<number> {
    const abandoned = all.filter((job) => 'whispers' in job && job.whispers >= MOST_WHISPERS);
    await Promise.all(abandoned.map((job) => this.end(job)));
    const jobs = all.filter((job) => !abandoned.includes(job));
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
    // One after the other, each marked first: if the process ends again, the mark tells which job it was.
    for (const job of suspects) {
      if (this.#isStopped) break;
      const brokeDown = 'isSuspect' in job && job.isSuspect;
      await this.#write('suspect', () => this.#options.journal.markSuspect(job));
      if (await this.#try(job, { brokeDown })) answered += 1;
    }
    return answered;
  }

  /** Stops all further tries. Unanswered jobs are left for the next run. */
  stop(): void {
    this.#stopping.abort();
    for (const timer of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
  }

  async #try(job: Job, earlier: Request['earlier']): Promise<boolean> {
    try {
      const isAnswered = await this.#options.answerJob(job, earlier);
      if (!isAnswered) await this.end(job);
      return isAnswered;
    } catch (error) {
      const { log, platform } = this.#options;
      log.warn({ platform, err: error }, 'could not find out whether a job was answered; trying again later');
      this.tryLater(job);
      return false;
    }
  }

  async #write(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const { log, platform } = this.#options;
      log.error({ platform, what, err: error }, 'the journal could not be written');
    }
  }
}

/**
 * How many jobs of earlier runs are answered at a time. The second number is for jobs that workers answer: this process only looks them
 * up.
 */
const AT_A_TIME = 4;
const HANDED_AT_A_TIME = 16;

function keyOf({ bot, place, message }: JobKey): string {
  return `${bot} ${place} ${message}`;
}
