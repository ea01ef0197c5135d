import PQueue from 'p-queue';
import { UserError } from '../base/errors.ts';

/** Runs a few pieces of work at a time and keeps a bounded number waiting, first come first served. */
export class BoundedQueue {
  readonly #queue: PQueue;
  readonly #maxWaiting: number;
  #closed = false;

  /**
   * @param options.concurrency pieces of work that run at a time, at least 1
   * @param options.maxWaiting pieces of work that may wait for their turn, at least 0
   */
  constructor(options: { readonly concurrency: number; readonly maxWaiting: number }) {
    this.#queue = new PQueue({ concurrency: options.concurrency });
    this.#maxWaiting = options.maxWaiting;
  }

  /** Pieces of work that wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs `work` when its turn comes.
   * @param signal takes waiting work out of the queue; work under way must watch it itself
   * @returns what `work` resolves to; its error is passed on
   * @throws UserError 'busy' where too much is waiting or the queue is closed; the signal's reason once it is aborted
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw new UserError('busy', 'I am about to restart. Post it again in a minute.');
    const idleSlot = this.#queue.pending < this.#queue.concurrency;
    if (!idleSlot && this.#queue.size >= this.#maxWaiting) {
      throw new UserError('busy', 'There are more photos than I can read just now. Try again in a minute.');
    }
    signal?.throwIfAborted();
    return await this.#queue.add(work, signal ? { signal } : {});
  }

  /** Takes nothing new from now on. Resolves when all that runs or waits has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.onIdle();
  }
}
