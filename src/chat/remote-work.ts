import type { Logger } from '../base/log.ts';
import { type JobQueue, LeftToWorkers, QueueFull, type Removal } from '../work/job-queue.ts';
import { Recent } from './recent.ts';
import type { WorkUnderWay } from './work-under-way.ts';

/** At least this many messages that were handed over are remembered. */
const MAX_REMEMBERED = 10_000;

/** Hands photos to workers in other processes, and remembers which. */
export class RemoteWork {
  readonly #queue: JobQueue;
  readonly #platform: string;
  readonly #log: Logger;
  readonly #messages = new Recent<true>(MAX_REMEMBERED);
  readonly #underWay = new Set<WorkUnderWay>();

  constructor(queue: JobQueue, platform: string, log: Logger) {
    this.#queue = queue;
    this.#platform = platform;
    this.#log = log;
  }

  /** Whether another process has answered a message, or may have. @param postedAt when it was posted, in milliseconds since 1970 */
  has(message: string, postedAt: number): boolean {
    return postedAt < this.#messages.forgottenUntil || this.#messages.has(message);
  }

  /** Whether workers answer this. They answer posted photos only: a command is answered with a token that no job may hold. */
  takes({ job, request }: WorkUnderWay): boolean {
    return job?.kind === 'posted' && request.command === undefined;
  }

  /**
   * Has a worker answer this. Never rejects: if no worker could answer, the work is postponed.
   * @returns false where the workers' queue is full
   */
  async answer(work: WorkUnderWay): Promise<boolean> {
    const { job, inquiry, request } = work;
    if (job === undefined) return false;
    if (inquiry.message !== undefined) this.#messages.set(inquiry.message, true);
    this.#underWay.add(work);
    // The worker's lines have another request id, but the same `request`.
    const where = { platform: this.#platform, request: request.id };
    try {
      const { user, signal } = request;
      this.#log.debug(where, 'a photo is handed to the workers');
      await this.#queue.run(job, { channel: inquiry.channel, person: user.id, signal });
    } catch (err) {
      if (err instanceof QueueFull) return false;
      if (!request.signal.aborted) {
        this.#log.warn({ ...where, err }, 'no worker could answer a photo; it is tried again');
        work.postpone();
      }
    } finally {
      this.#underWay.delete(work);
    }
    return true;
  }

  /** Stops waiting for workers. @returns the work that is left to them */
  leave(): WorkUnderWay[] {
    const left = [...this.#underWay];
    for (const work of left) work.giveUp(new LeftToWorkers('the bot stops'));
    return left;
  }

  /** Announces to workers what was removed. */
  announceRemoval(removal: Removal): void {
    this.#queue.announceRemoval(this.#platform, removal);
  }
}
