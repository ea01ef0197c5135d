import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart, UserError } from '../base/errors.ts';
import { inMinutes } from '../base/numbers.ts';

/** Keeps the slot of a piece of work occupied until `ended` settles too, even if the work's own promise settles earlier. */
export type HoldSlot = (ended: Promise<void>) => void;

/** In bytes: of files larger than this, only one is loaded or read at a time. Photos of phone cameras are smaller. */
export const LARGE_BYTES = 10 * 1024 * 1024;

/** Whether a file counts as large. @param bytes its size; undefined where that is not known */
export function isLarge(bytes: number | undefined): boolean {
  return bytes === undefined || bytes > LARGE_BYTES;
}

/** Weight of the latest piece of work in the moving average of the time that one takes. */
const LATEST = 0.2;

/** A person or channel that has work in the queue. */
interface Turns {
  /** The number of its last turn, counted over the whole queue; 0 before its first. */
  last: number;
  waiting: number;
  running: number;
}

interface Piece {
  readonly channel: string;
  readonly person: string;
  readonly large: boolean;
  /** When it was added, in milliseconds of `performance.now()`. */
  readonly cameAt: number;
  readonly start: () => Promise<void>;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Runs a few pieces of work at a time, and lets a limited number wait. Channels take turns, and people take turns within a channel, so a
 * quiet channel does not wait for everything that a busy one has queued. One person never occupies all slots, so the photo of somebody
 * else waits at most for the work under way. Only one large piece runs at a time: that limits memory, and others run beside it. If the
 * queue is full, the channel with the most waiting work loses a piece.
 */
export class FairQueue {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  /** The waiting pieces, oldest first. */
  readonly #waiting = new Set<Piece>();
  readonly #channels = new Map<string, Turns>();
  readonly #people = new Map<string, Turns>();
  readonly #idle = new Set<() => void>();
  #running = 0;
  #isLargeRunning = false;
  #turn = 0;
  #unnamed = 0;
  /** Average time that a piece of work takes, in milliseconds; undefined before the first has ended. */
  #averageMs: number | undefined;
  #closed = false;

  /**
   * @param options.concurrency how many pieces of work run at a time, at least 1
   * @param options.maxWaiting how many pieces of work may wait for their turn, at least 0
   */
  constructor(options: { readonly concurrency: number; readonly maxWaiting: number }) {
    this.#concurrency = options.concurrency;
    this.#maxWaiting = options.maxWaiting;
  }

  /** How many pieces of work wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many pieces of work are under way. */
  get running(): number {
    return this.#running;
  }

  /** How long the oldest waiting piece has waited, in milliseconds; 0 where none waits. */
  get oldestMs(): number {
    const [oldest] = this.#waiting;
    return oldest === undefined ? 0 : performance.now() - oldest.cameAt;
  }

  /**
   * Runs `work` when its turn comes. Its slot becomes free once the work has ended, not when nobody waits for it any more: work
   * that was given up may still hold memory for a while.
   * @param options.channel the channel that it comes from
   * @param options.person the person whose work it is; by default the work counts as that of a separate person
   * @param options.large whether it takes much memory while it runs
   * @param options.signal takes waiting work out of the queue; running work must watch it itself
   * @returns what `work` resolves to; its error is passed on
   * @throws UserError 'busy' where too much is waiting, or the queue is closed; the signal's reason as soon as it is aborted
   */
  async run<T>(
    work: (hold: HoldSlot) => Promise<T>,
    options: {
      readonly signal?: AbortSignal;
      readonly channel?: string;
      readonly person?: string;
      readonly large?: boolean;
    } = {},
  ): Promise<T> {
    if (this.#closed) throw aboutToRestart('Post it again in a minute.');
    const { signal, channel = '', person = `unnamed ${++this.#unnamed}`, large = false } = options;
    signal?.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        if (this.#waiting.delete(piece)) this.#onLeave(piece);
        reject(signal?.reason);
      };
      const piece: Piece = {
        channel,
        person,
        large,
        cameAt: performance.now(),
        refuse: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(reason);
        },
        start: async () => {
          signal?.removeEventListener('abort', onAbort);
          const held: Promise<void>[] = [];
          const running = Promise.resolve().then(() => work((ended) => held.push(ended)));
          unlessAborted(running, signal).then(resolve, reject);
          await running.catch(() => {});
          await Promise.all(held);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#add(piece);
      this.#startNext();
      if (this.#waiting.size > this.#maxWaiting) this.#dropOne(piece);
    });
  }

  /** Accepts nothing new from now on. Resolves when all running and waiting work has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running + this.#waiting.size > 0) await new Promise<void>((done) => this.#idle.add(done));
  }

  /** Estimated milliseconds until work that is added now would begin; undefined where that is not known. */
  get #waitMs(): number | undefined {
    return this.#averageMs && (this.#averageMs * (this.#waiting.size + 1)) / this.#concurrency;
  }

  /** How many slots one person's work may occupy. */
  get #slotsPerPerson(): number {
    return Math.max(1, this.#concurrency - 1);
  }

  #add(piece: Piece): void {
    this.#waiting.add(piece);
    for (const turns of this.#turnsOf(piece)) turns.waiting += 1;
  }

  #turnsOf({ channel, person }: Piece): [Turns, Turns] {
    return [turnsIn(this.#channels, channel), turnsIn(this.#people, person)];
  }

  /** Starts waiting pieces while there are free slots. */
  #startNext(): void {
    while (this.#running < this.#concurrency) {
      const piece = this.#choose();
      if (piece === undefined) return;
      this.#waiting.delete(piece);
      this.#turn += 1;
      this.#running += 1;
      this.#isLargeRunning ||= piece.large;
      for (const turns of this.#turnsOf(piece)) {
        turns.waiting -= 1;
        turns.running += 1;
        turns.last = this.#turn;
      }
      const startedAt = performance.now();
      void piece.start().finally(() => this.#onEnd(piece, performance.now() - startedAt));
    }
  }

  /** The next piece to run: the oldest one of the person who has waited longest for a turn, in the channel that has. */
  #choose(): Piece | undefined {
    let best: Piece | undefined;
    let least: readonly [number, number] = [Infinity, Infinity];
    for (const piece of this.#waiting) {
      const [channel, person] = this.#turnsOf(piece);
      if (person.running >= this.#slotsPerPerson || (piece.large && this.#isLargeRunning)) continue;
      if (channel.last > least[0] || (channel.last === least[0] && person.last >= least[1])) continue;
      best = piece;
      least = [channel.last, person.last];
    }
    return best;
  }

  #onEnd(piece: Piece, tookMs: number): void {
    this.#averageMs = this.#averageMs === undefined ? tookMs : this.#averageMs + LATEST * (tookMs - this.#averageMs);
    this.#running -= 1;
    if (piece.large) this.#isLargeRunning = false;
    for (const turns of this.#turnsOf(piece)) turns.running -= 1;
    this.#forgetIdle(piece);
    this.#startNext();
    this.#notifyIdle();
  }

  /** Updates the counts after a piece has left the queue without having had its turn. */
  #onLeave(piece: Piece): void {
    for (const turns of this.#turnsOf(piece)) turns.waiting -= 1;
    this.#forgetIdle(piece);
    this.#notifyIdle();
  }

  /**
   * Removes a piece because there is one too many. In the channel with the most waiting work, the person with the most loses
   * their newest piece. That may be this piece or another one, but an older one never goes for one of the same channel and person.
   */
  #dropOne(newest: Piece): void {
    const [own, ownPerson] = this.#turnsOf(newest);
    let most = newest;
    let [inChannel, ofPerson] = [own.waiting, ownPerson.waiting];
    for (const piece of this.#waiting) {
      const [channel, person] = this.#turnsOf(piece);
      const isSame = channel.waiting === inChannel && (channel === own || most !== newest);
      const isMore = channel.waiting > inChannel || (isSame && person.waiting > ofPerson);
      const isNewer = most !== newest && isSame && person.waiting === ofPerson;
      if (!isMore && !isNewer) continue;
      most = piece;
      [inChannel, ofPerson] = [channel.waiting, person.waiting];
    }
    this.#waiting.delete(most);
    this.#onLeave(most);
    most.refuse(this.#tooMany());
  }

  #tooMany(): UserError {
    return new UserError(
      'busy',
      `There are more photos than I can read at the moment. Try again in ${waitText(this.#waitMs)}.`,
    );
  }

  #forgetIdle({ channel, person }: Piece): void {
    for (const [all, key] of [[this.#channels, channel] as const, [this.#people, person] as const]) {
      const turns = all.get(key);
      if (turns && turns.waiting + turns.running === 0) all.delete(key);
    }
  }

  #notifyIdle(): void {
    if (this.#running + this.#waiting.size > 0) return;
    for (const done of this.#idle) done();
    this.#idle.clear();
  }
}

function turnsIn(all: Map<string, Turns>, key: string): Turns {
  const known = all.get(key);
  if (known) return known;
  const turns = { last: 0, waiting: 0, running: 0 };
  all.set(key, turns);
  return turns;
}

/** A time to wait in words, rounded up; 'a minute' where it is not known. */
function waitText(ms: number | undefined): string {
  if (ms === undefined) return 'a minute';
  const seconds = Math.max(5, Math.ceil(ms / 5000) * 5);
  if (seconds <= 55) return `${seconds} seconds`;
  return inMinutes(1000 * seconds);
}
