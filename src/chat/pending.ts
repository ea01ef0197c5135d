/** Running promises, so that somebody can wait for all of them. */
export class Pending {
  readonly #promises = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError is called with the error of each promise that rejects */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(promise: Promise<void>): void {
    const pending = promise.catch(this.#onError).finally(() => this.#promises.delete(pending));
    this.#promises.add(pending);
  }

  /** Resolves when no promise is running any more, including those added while it waits. */
  async idle(): Promise<void> {
    while (this.#promises.size > 0) await Promise.all(this.#promises);
  }
}
