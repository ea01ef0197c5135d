import QuickLRU from 'quick-lru';

/** Remembers something of the latest messages, and until when that of others may have been forgotten. */
export class Recent<T> {
  readonly #byMessage: QuickLRU<string, { readonly value: T; readonly at: number }>;
  #forgottenUntil = 0;

  /** @param atLeast so many of them are remembered at least */
  constructor(atLeast: number) {
    this.#byMessage = new QuickLRU({
      maxSize: atLeast,
      onEviction: (_, { at }) => {
        this.#forgottenUntil = Math.max(this.#forgottenUntil, at);
      },
    });
  }

  /** What was set until this time may be forgotten, in milliseconds since 1970; 0 where all is remembered. */
  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  get messages(): string[] {
    return [...this.#byMessage.keys()];
  }

  has(message: string): boolean {
    return this.#byMessage.has(message);
  }

  get(message: string): T | undefined {
    return this.#byMessage.peek(message)?.value;
  }

  /** Sets what is remembered of a message, which is the latest one now. */
  set(message: string, value: T): void {
    this.#byMessage.set(message, { value, at: Date.now() });
  }

  /** Changes what is remembered of a message, as of the time at which it was set. */
  change(message: string, value: T): void {
    const known = this.#byMessage.peek(message);
    if (known) this.#byMessage.set(message, { ...known, value });
  }

  delete(message: string): void {
    this.#byMessage.delete(message);
  }
}
