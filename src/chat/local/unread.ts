import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { tooLarge, UserError } from '../../base/errors.ts';

/** How long a file waits for memory, in milliseconds. */
const MOST_WAIT_MS = 60_000;
const FULL = 'I hold as many photos as I can until I have read some of them. Try again in a minute.';

/**
 * The largest size that the file in a request can have, in bytes: its announced length, else `maxBytes`.
 * @throws UserError 'too-large' where the announced length exceeds `maxBytes`
 */
export function announcedBytes({ headers }: { readonly headers: IncomingHttpHeaders }, maxBytes: number): number {
  const announced = Number(headers['content-length'] ?? maxBytes);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  return announced;
}

/** A signal that fires when the sender of a request disconnects. @param reply the reply to that request */
export function goneSignal({ raw }: { readonly raw: ServerResponse }): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort(new UserError('busy', 'The file did not arrive.')));
  return gone.signal;
}

/** Counts the bytes of files that have not been read yet. A file that arrives waits until there is memory for it. */
export class Unread {
  /** Bytes of all files together. */
  readonly most: number;
  readonly #mostWaitMs: number;
  /** Bytes of each file, by its id; of a file that is arriving, by a key of its own. */
  readonly #bytes = new Map<unknown, number>();
  readonly #waiting = new Set<() => void>();

  /** @param most bytes of all files together; a single larger file is accepted while there is no other */
  constructor(most: number, mostWaitMs = MOST_WAIT_MS) {
    this.most = most;
    this.#mostWaitMs = mostWaitMs;
  }

  /**
   * Waits until there is memory for a file, and reserves it.
   * @param bytes largest size that the file can have
   * @returns a function that frees the reservation; call it once the file has been added under its id, or has failed
   * @throws UserError 'busy' where no memory becomes free in time; the signal's reason
   */
  async reserve(bytes: number, signal: AbortSignal): Promise<() => void> {
    const tooLong = AbortSignal.timeout(this.#mostWaitMs);
    const either = AbortSignal.any([signal, tooLong]);
    while (this.#bytes.size > 0 && this.#sum() + bytes > this.most) {
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

  /** Frees a file's bytes. @returns whether it was counted */
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

  /** Resolves when bytes were freed, or the signal fires. */
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
