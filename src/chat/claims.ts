import QuickLRU from 'quick-lru';

/** How long an event is remembered, in milliseconds. Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

/** Remembers which events were accepted, since a platform may send one twice. */
export class Claims {
  readonly #seen: QuickLRU<string, true>;

  /** @param forMs how long an id is remembered, in milliseconds @param most how many ids are remembered, at least */
  constructor(forMs = SEEN_MS, most = MAX_SEEN) {
    this.#seen = new QuickLRU({ maxSize: most, maxAge: forMs });
  }

  /** Claims an event by all its ids. @returns false where any of them is still remembered from an earlier claim */
  claim(keys: readonly string[]): boolean {
    const isKnown = keys.some((key) => this.#seen.has(key));
    for (const key of keys) if (!this.#seen.has(key)) this.#seen.set(key, true);
    return !isKnown;
  }
}

const QUIET_MS = 60 * 60_000;
const MAX_CHANNELS = 1000;

/**
 * Remembers for which channels somebody has been told that the bot has no access. Each can be claimed once an hour, since
 * otherwise every photo there would bring another message. People who address the bot are told in any case.
 */
export function closedChannels(): Claims {
  return new Claims(QUIET_MS, MAX_CHANNELS);
}
