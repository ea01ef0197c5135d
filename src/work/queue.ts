import PQueue from 'p-queue';
import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart, UserError } from '../base/errors.ts';

/** Keeps the slot of a piece of work taken until this has ended too, even where the work's own promise settles earlier. */
export type HoldSlot = (ended: Promise<void>) => void;

/**
 * Runs a few pieces of work at a time and keeps a bounded number waiting, first come first served; but nobody's work takes the last slot,
 * nor waits for another person's more than once: of ten photos of one person, somebody else's waits for those under way at most.
 */
export class BoundedQueue {
  readonly #queue: PQueue;
  /** What people's own work waits in before it comes into the queue, by person. */
  readonly #people = new Map<string, PQueue>();
  readonly #maxWaiting: number;
  /** When each piece of waiting work came, the oldest first. */
  readonly #waitingSince = new Set<{ readonly at: number }>();
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
    return [...this.#people.values()].reduce((sum, own) => sum + own.size, this.#queue.size);
  }

  /** Pieces of work under way. */
  get running(): number {
    return this.#queue.pending;
  }

  /** Milliseconds that the oldest waiting work has waited; 0 where none waits. */
  get oldestMs(): number {
    const [oldest] = this.#waitingSince;
    return oldest === undefined ? 0 : performance.now() - oldest.at;
  }

  /**
   * Runs `work` when its turn comes. Its slot is free once it has ended, not when nobody waits for it any more: work that was
   * given up may hold memory for a while.
   * @param options.person whose work it is; work of nobody's stands for itself
   * @param options.signal takes waiting work out of the queue; work under way must watch it itself
   * @returns what `work` resolves to; its error is passed on
   * @throws UserError 'busy' where too much is waiting or the queue is closed; the signal's reason as soon as it is aborted
   */
  async run<T>(
    work: (hold: HoldSlot) => Promise<T>,
    { signal, person }: { readonly signal?: AbortSignal; readonly person?: string } = {},
  ): Promise<T> {
    if (this.#closed) throw aboutToRestart('Post it again in a minute.');
    const own = person === undefined ? undefined : this.#people.get(person);
    const isFree = this.#queue.pending < this.#queue.concurrency && (own?.pending ?? 0) < this.#share;
    if (!isFree && this.waiting >= this.#maxWaiting) {
      throw new UserError('busy', 'There are more photos than I can read just now. Try again in a minute.');
    }
    signal?.throwIfAborted();
    // p-queue settles a task whose signal is aborted even while it runs, and frees its slot: it may only see the signal of
    // work that still waits.
    const waiting = new AbortController();
    const onAbort = () => waiting.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const since = { at: performance.now() };
    this.#waitingSince.add(since);
    const result = new Promise<T>((resolve, reject) => {
      const turn = async () => {
        this.#waitingSince.delete(since);
        signal?.removeEventListener('abort', onAbort);
        const held: Promise<void>[] = [];
        const running = Promise.resolve().then(() => work((ended) => held.push(ended)));
        unlessAborted(running, signal).then(resolve, reject);
        await running.catch(() => {});
        await Promise.all(held);
      };
      const add = () => this.#queue.add(turn, { signal: waiting.signal });
      (person === undefined ? add() : this.#ownQueue(person).add(add, { signal: waiting.signal })).catch(reject);
    });
    return await result.finally(() => this.#waitingSince.delete(since));
  }

  /** Most slots that one person's work takes. */
  get #share(): number {
    return Math.max(1, this.#queue.concurrency - 1);
  }

  #ownQueue(person: string): PQueue {
    const known = this.#people.get(person);
    if (known !== undefined) return known;
    const own = new PQueue({ concurrency: this.#share });
    own.on('idle', () => this.#people.delete(person));
    this.#people.set(person, own);
    return own;
  }

  /** Takes nothing new from now on. Resolves when all that runs or waits has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#people.values()].map((own) => own.onIdle()));
    await this.#queue.onIdle();
  }
}
