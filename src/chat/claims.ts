import QuickLRU from 'quick-lru';

/** How long an event is known again: Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

/** Which events have been taken on: a platform may tell of one twice. */
export class Claims {
  readonly #seen = new QuickLRU<string, true>({ maxSize: MAX_SEEN, maxAge: SEEN_MS });

  /** Takes an event on by all its ids. @returns false where any of them has been taken on within a quarter of an hour */
  claim(keys: readonly string[]): boolean {
    const isKnown = keys.some((key) => this.#seen.has(key));
    for (const key of keys) if (!this.#seen.has(key)) this.#seen.set(key, true);
    return !isKnown;
  }
}
