import QuickLRU from 'quick-lru';

/** How long an event is known again: Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

/** Which events have been taken on: a platform may tell of one twice. */
export class Claims {
  readonly #seen: QuickLRU<string, true>;

  /** @param forMs how long it is known, in milliseconds @param most ids that are remembered, at least */
  constructor(forMs = SEEN_MS, most = MAX_SEEN) {
    this.#seen = new QuickLRU({ maxSize: most, maxAge: forMs });
  }

  /** Takes an event on by all its ids. @returns false where any of them has been taken on a short while ago */
  claim(keys: readonly string[]): boolean {
    const isKnown = keys.some((key) => this.#seen.has(key));
    for (const key of keys) if (!this.#seen.has(key)) this.#seen.set(key, true);
    return !isKnown;
  }
}

const QUIET_MS = 60 * 60_000;
const MAX_CHANNELS = 1000;

/**
 * Of which channels that are closed to the bot somebody has been told: each is claimed once an hour, since every photo there would
 * bring another message. Whoever speaks to the bot is told in any case.
 */
export function closedChannels(): Claims {
  return new Claims(QUIET_MS, MAX_CHANNELS);
}
