import QuickLRU from 'quick-lru';

const MINUTE_MS = 60_000;
/** Buckets that are remembered at most, of people and of channels. */
const MAX_KEYS = 10_000;

/** Why a photo is not read now. */
export interface Refusal {
  readonly who: 'person' | 'channel';
  /** Milliseconds until the next photo is, at least 1. */
  readonly waitMs: number;
  /** Whether this has been said within the last minute: then it need not be said again. */
  readonly told: boolean;
}

/** Bounds how many photos are read for one person and in one channel. */
export interface Cooldown {
  /**
   * Counts a photo, unless it is one too many; then nothing is counted.
   * @param person unique among all platforms
   * @param channel unique among all platforms
   */
  take(person: string, channel: string): Promise<Refusal | undefined> | Refusal | undefined;
}

/**
 * Bounds how many photos are read for one person and in one channel: a token bucket each, which holds as many photos as
 * are allowed in a minute and fills evenly.
 */
export class PhotoCooldown implements Cooldown {
  readonly #people: Buckets;
  readonly #channels: Buckets;
  readonly #now: () => number;

  /**
   * @param options.personPerMinute photos in a minute, for one person; 0: as many as come
   * @param options.channelPerMinute the same in one channel
   * @param options.maxKeys people, and channels, that are remembered at most
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
    // Not the time of day, which may be set back.
    this.#now = options.now ?? (() => performance.now());
  }

  /** People and channels that are remembered. */
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
    const told = now - bucket.toldAt < MINUTE_MS;
    if (!told) bucket.toldAt = now;
    return { who, waitMs: Math.ceil(((1 - bucket.level) / bucket.perMinute) * MINUTE_MS), told };
  }
}

interface Bucket {
  readonly perMinute: number;
  /** Photos that may still be read now. */
  level: number;
  filledAt: number;
  toldAt: number;
}

class Buckets {
  readonly #perMinute: number;
  /** A bucket that nobody has used for a minute is full, like one that does not exist: the oldest cost nothing to forget. */
  readonly #byKey: QuickLRU<string, Bucket>;

  constructor(perMinute: number, maxKeys: number) {
    this.#perMinute = perMinute;
    this.#byKey = new QuickLRU({ maxSize: maxKeys });
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** A key's bucket, filled up to now; undefined where there is no bound. */
  of(key: string, now: number): Bucket | undefined {
    const perMinute = this.#perMinute;
    if (perMinute === 0) return undefined;
    const bucket = this.#byKey.get(key) ?? { perMinute, level: perMinute, filledAt: now, toldAt: -Infinity };
    bucket.level = Math.min(perMinute, bucket.level + ((now - bucket.filledAt) / MINUTE_MS) * perMinute);
    bucket.filledAt = now;
    this.#byKey.set(key, bucket);
    return bucket;
  }
}
