/** How long something is remembered: Slack's last retry of an event comes about six minutes after the first try. */
const REMEMBER_MS = 15 * 60_000;
const MAX_REMEMBERED = 5000;

/** What has been taken on already, within a bound of time and number. */
export class Seen {
  /** Time of each key, oldest first. */
  readonly #at = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** True the first time that any of the keys is shown; remembers all of them. */
  isNew(...keys: readonly string[]): boolean {
    this.#forget();
    const known = keys.some((key) => this.#at.has(key));
    for (const key of keys) if (!this.#at.has(key)) this.#at.set(key, this.#now());
    return !known;
  }

  /** Lets a key be shown again, after what it stood for failed. */
  forget(key: string): void {
    this.#at.delete(key);
  }

  #forget(): void {
    for (const [key, at] of this.#at) {
      if (this.#at.size <= MAX_REMEMBERED && this.#now() - at < REMEMBER_MS) return;
      this.#at.delete(key);
    }
  }
}
