import QuickLRU from 'quick-lru';
import type { Logger } from '../base/log.ts';
import { type JobQueue, LeftToWorkers, type Loss, QueueFull } from '../work/job-queue.ts';
import type { WorkUnderWay } from './work-under-way.ts';

/** Messages that are remembered to have been handed over, at least. */
const MAX_REMEMBERED = 10_000;

/** Photos that workers in other processes answer. */
export class Elsewhere {
  readonly #queue: JobQueue;
  readonly #platform: string;
  readonly #log: Logger;
  readonly #messages = new QuickLRU<string, true>({ maxSize: MAX_REMEMBERED });
  readonly #underWay = new Set<WorkUnderWay>();

  constructor(queue: JobQueue, platform: string, log: Logger) {
    this.#queue = queue;
    this.#platform = platform;
    this.#log = log;
  }

  /** Whether a message's answers are, or may be, another process's. */
  has(message: string): boolean {
    return this.#messages.has(message);
  }

  /** Whether something is for workers: posted photos. What a command asks is answered by its token, which no job may hold. */
  takes({ job, request }: WorkUnderWay): boolean {
    return job?.kind === 'posted' && request.command === undefined;
  }

  /**
   * Has something answered by a worker. Never rejects: what no worker could answer is postponed.
   * @returns false where too much waits there already
   */
  async answer(work: WorkUnderWay): Promise<boolean> {
    const { job, asking, request } = work;
    if (job === undefined) return false;
    if (asking.message !== undefined) this.#messages.set(asking.message, true);
    this.#underWay.add(work);
    try {
      const { user, signal } = request;
      await this.#queue.run(job, { channel: asking.channel, person: user.id, signal });
    } catch (err) {
      if (err instanceof QueueFull) return false;
      if (!request.signal.aborted) {
        this.#log.warn({ platform: this.#platform, err }, 'no worker could answer a photo; it is tried again');
        work.postpone();
      }
    } finally {
      this.#underWay.delete(work);
    }
    return true;
  }

  /** Waits no more for what workers do. @returns what is left to them */
  leave(): WorkUnderWay[] {
    const left = [...this.#underWay];
    for (const work of left) work.giveUp(new LeftToWorkers('the bot stops'));
    return left;
  }

  /** Tells workers of what is gone. */
  tell(loss: Loss): void {
    this.#queue.tell(this.#platform, loss);
  }
}
