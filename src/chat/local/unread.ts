import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { tooLarge, UserError } from '../../base/errors.ts';

/** Milliseconds that a file waits for room at most. */
const MOST_WAIT_MS = 60_000;
const FULL = 'I hold as many photos as I can until I have read some of them. Try again in a minute.';

/**
 * How long the file in a request is, at most.
 * @throws UserError 'too-large' where it says that it is longer than may be
 */
export function announcedBytes({ headers }: { readonly headers: IncomingHttpHeaders }, maxBytes: number): number {
  const announced = Number(headers['content-length'] ?? maxBytes);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  return announced;
}

/** Fires when whoever sent the request has gone. @param reply what it is answered by */
export function goneSignal({ raw }: { readonly raw: ServerResponse }): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort(new UserError('busy', 'The file did not arrive.')));
  return gone.signal;
}

/** The files that have not been read yet: what comes in waits until there is room for it beside them. */
export class Unread {
  readonly #most: number;
  readonly #mostWaitMs: number;
  /** Bytes of each, by its id; of what comes in, by a key of its own. */
  readonly #bytes = new Map<unknown, number>();
  readonly #waiting = new Set<() => void>();

  /** @param most bytes of all together; a larger one is let in where it is alone */
  constructor(most: number, mostWaitMs = MOST_WAIT_MS) {
    this.#most = most;
    this.#mostWaitMs = mostWaitMs;
  }

  /**
   * Waits until there is room for a file that is to come in.
   * @param bytes how long it is, at most
   * @returns gives the room back: to be called once it is known by its id, or has failed
   * @throws UserError 'busy' where there is none in time; the signal's reason
   */
  async room(bytes: number, signal: AbortSignal): Promise<() => void> {
    const tooLong = AbortSignal.timeout(this.#mostWaitMs);
    const either = AbortSignal.any([signal, tooLong]);
    while (this.#bytes.size > 0 && this.#sum() + bytes > this.#most) {
      signal.throwIfAborted();
      if (tooLong.aborted) throw new UserError('busy', FULL);
      await this.#change(either);
    }
    const key = {};
    this.#bytes.set(key, bytes);
    return () => this.delete(key);
  }

  add(id: string, bytes: number): void {
    this.#bytes.set(id, bytes);
  }

  has(id: string): boolean {
    return this.#bytes.has(id);
  }

  /** @returns whether it was one of them */
  delete(key: unknown): boolean {
    const was = this.#bytes.delete(key);
    for (const look of [...this.#waiting]) look();
    return was;
  }

  clear(): void {
    for (const key of this.#bytes.keys()) this.delete(key);
  }

  #sum(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Resolves when something is gone, or the signal fires. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', look);
        resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener('abort', look, { once: true });
    });
  }
}
