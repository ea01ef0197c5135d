import QuickLRU from 'quick-lru';

const MINUTE_MS = 60_000;
/** How many buckets are kept, of people and of channels each. */
const MAX_KEYS = 10_000;

/** Which limit keeps a photo from being read now. */
export interface Refusal {
  readonly who: 'person' | 'channel';
  /** Milliseconds until the next photo may be read, at least 1. */
  readonly waitMs: number;
  /** Whether this limit was already reported within the last minute, so that it need not be reported again. */
  readonly alreadyReported: boolean;
}

/** Limits how many photos are read for one person and in one channel. */
export interface Cooldown {
  /**
   * Counts a photo. If that would exceed a limit, nothing is counted.
   * @returns undefined where the photo may be read
   * @param person unique among all platforms
   * @param channel unique among all platforms
   */
  take(person: string, channel: string): Promise<Refusal | undefined> | Refusal | undefined;
}

/**
 * Limits how many photos are read for one person and in one channel. Each has a token bucket, which holds as many photos as
 * are allowed in a minute and fills evenly.
 */
export class PhotoCooldown implements Cooldown {
  readonly #people: Buckets;
  readonly #channels: Buckets;
  readonly #now: () => number;

  /**
   * @param options.personPerMinute photos in a minute for one person; 0 means no limit
   * @param options.channelPerMinute the same in one channel
   * @param options.maxKeys how many people, and how many channels, are kept
   * @param options.now a clock in milliseconds
   */
  constructor(options: {
    readonly personPerMinute: number;
    readonly channelPerMinute: number;
    readonly maxKeys?: number;
    readonly now?: () => number;
  }) {
    const { maxKeys = MAX_KEYS } = options;
    this.#people = new Buckets(options.personPerMinute, maxKeys);
    this.#channels = new Buckets(options.channelPerMinute, maxKeys);
    // A monotonic clock, since the time of day may be set back.
    this.#now = options.now ?? (() => performance.now());
  }

  /** How many people and channels are kept. */
  get size(): number {
    return this.#people.size + this.#channels.size;
  }

  take(person: string, channel: string): Refusal | undefined {
    const now = this.#now();
    const ofPerson = this.#people.of(person, now);
    const ofChannel = this.#channels.of(channel, now);
    const bucket = [ofPerson, ofChannel].find((candidate) => candidate !== undefined && candidate.level < 1);
    if (bucket === undefined) {
      if (ofPerson) ofPerson.level -= 1;
      if (ofChannel) ofChannel.level -= 1;
      return undefined;
    }
    const who = bucket === ofPerson ? 'person' : 'channel';
    const alreadyReported = now - bucket.reportedAt < MINUTE_MS;
    if (!alreadyReported) bucket.reportedAt = now;
    return { who, waitMs: Math.ceil(((1 - bucket.level) / bucket.perMinute) * MINUTE_MS), alreadyReported };
  }
}

interface Bucket {
  readonly perMinute: number;
  /** How many photos may still be read now. */
  level: number;
  filledAt: number;
  reportedAt: number;
}

class Buckets {
  readonly #perMinute: number;
  /** A bucket that nobody has used for a minute is full, like one that does not exist. So the oldest can be dropped without harm. */
  readonly #byKey: QuickLRU<string, Bucket>;

  constructor(perMinute: number, maxKeys: number) {
    this.#perMinute = perMinute;
    this.#byKey = new QuickLRU({ maxSize: maxKeys });
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** A key's bucket, filled up to now; undefined where there is no limit. */
  of(key: string, now: number): Bucket | undefined {
    const perMinute = this.#perMinute;
    if (perMinute === 0) return undefined;
    const bucket = this.#byKey.get(key) ?? { perMinute, level: perMinute, filledAt: now, reportedAt: -Infinity };
    bucket.level = Math.min(perMinute, bucket.level + ((now - bucket.filledAt) / MINUTE_MS) * perMinute);
    bucket.filledAt = now;
    this.#byKey.set(key, bucket);
    return bucket;
  }
}
