/** What is going on, so that somebody can wait for all of it. */
export class Pending {
  readonly #promises = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError is told of each that rejects */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(promise: Promise<void>): void {
    const pending = promise.catch(this.#onError).finally(() => this.#promises.delete(pending));
    this.#promises.add(pending);
  }

  /** Resolves when nothing is going on, what was added in the meantime included. */
  async idle(): Promise<void> {
    while (this.#promises.size > 0) await Promise.all(this.#promises);
  }
}
