import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import { type Job, type JobKey, type Journal, type LeftJob, type OpenJobs, SEEN_KEPT_MS } from './journal.ts';

/** Milliseconds after which the last handled messages are shared with other machines. */
const SEND_MS = 1000;

/** How often those that have been kept for long enough are looked for, in milliseconds. */
const FORGET_MS = 60 * 60_000;

/**
 * Stores the last handled message of some channels, unless another machine has handled a later one. Later ids are longer, or larger at the
 * same length.
 */
const SEE = `
  for k = 2, #ARGV, 2 do
    local known = string.match(redis.call('HGET', KEYS[1], ARGV[k]) or '', '^%S*')
    local now = string.match(ARGV[k + 1], '^%S*')
    if #now > #known or (#now == #known and now > known) then redis.call('HSET', KEYS[1], ARGV[k], ARGV[k + 1]) end
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

/** A handled message, and when it was handled, in milliseconds since 1970. */
interface Seen {
  readonly message: string;
  readonly at: number;
}

/**
 * A journal that also shares the last handled messages with the other machines of a Redis. So a bot that starts on a machine where it never
 * ran goes on from there. Jobs are not shared.
 */
export class SharedSeen implements Journal {
  readonly #journal: Journal;
  readonly #redis: RedisPart;
  readonly #log: Logger;
  readonly #now: () => number;
  /** Messages that are not shared yet, by account and channel. */
  #unsent = new Map<string, Map<string, Seen>>();
  #timer: NodeJS.Timeout | undefined;
  /** When old messages of an account were last looked for, by the clock. */
  readonly #forgotten = new Map<string, number>();

  private constructor(journal: Journal, redis: RedisPart, log: Logger, now: () => number) {
    this.#journal = journal;
    this.#redis = redis;
    this.#log = log;
    this.#now = now;
  }

  /**
   * @param options.now a clock, in milliseconds since 1970
   * @throws Error where Redis cannot be reached or refuses
   */
  static async connect(
    journal: Journal,
    url: string,
    log: Logger,
    { now = Date.now }: { readonly now?: () => number } = {},
  ): Promise<SharedSeen> {
    return new SharedSeen(journal, await shareRedis(url, log), log, now);
  }

  begin(job: Job): Promise<void> {
    return this.#journal.begin(job);
  }

  end(job: JobKey): Promise<void> {
    return this.#journal.end(job);
  }

  markSuspect(job: JobKey): Promise<void> {
    return this.#journal.markSuspect(job);
  }

  markWhisper(job: JobKey, couldNot?: boolean): Promise<void> {
    return this.#journal.markWhisper(job, couldNot);
  }

  takeOverJobs(bot: string, isOurs?: (place: string) => Promise<boolean>): Promise<LeftJob[]> {
    return this.#journal.takeOverJobs(bot, isOurs);
  }

  countOpen(): Promise<OpenJobs> {
    return this.#journal.countOpen();
  }

  markSeen(bot: string, place: string, message: string): void {
    this.#journal.markSeen(bot, place, message);
    const seen = this.#unsent.get(bot) ?? new Map<string, Seen>();
    this.#unsent.set(bot, seen.set(place, { message, at: this.#now() }));
    this.#timer ??= setTimeout(() => void this.#send(), SEND_MS).unref();
  }

  async lastSeen(bot: string): Promise<ReadonlyMap<string, string>> {
    const own = await this.#journal.lastSeen(bot);
    // A message that another machine has handled may have been lost with that machine. So this machine trusts its own record where it has
    // one.
    if (own.size > 0) return own;
    return new Map((await this.#seenByAll(bot)).sort(([, a], [, b]) => (isLater(a, b) ? -1 : 1)));
  }

  async close(): Promise<void> {
    await this.#send();
    this.#redis.release();
    await this.#journal.close();
  }

  /** Never rejects: the journal also has the messages, and later ones replace them in Redis. */
  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const unsent = this.#unsent;
    this.#unsent = new Map();
    try {
      for (const [bot, seen] of unsent) {
        const values = [...seen].flatMap(([place, { message, at }]) => [place, `${message} ${at}`]);
        await this.#redis.client.eval(SEE, 1, keyOf(bot), SEEN_KEPT_MS, ...values);
        if (this.#now() - (this.#forgotten.get(bot) ?? 0) < FORGET_MS) continue;
        this.#forgotten.set(bot, this.#now());
        await this.#seenByAll(bot);
      }
    } catch (err) {
      this.#log.warn({ err }, 'the last handled messages could not be shared with other machines');
    }
  }

  /** Deletes those that are older than thirty days. Never rejects: without Redis a bot only knows what this machine has handled. */
  async #seenByAll(bot: string): Promise<[string, string][]> {
    try {
      const since = this.#now() - SEEN_KEPT_MS;
      const found = Object.entries(await this.#redis.client.hgetall(keyOf(bot)));
      const old = found.filter(([, value]) => Number(value.split(' ')[1]) < since).map(([place]) => place);
      if (old.length > 0) await this.#redis.client.hdel(keyOf(bot), ...old);
      return found.filter(([place]) => !old.includes(place)).map(([place, value]) => [place, value.split(' ')[0]!]);
    } catch (err) {
      this.#log.warn({ err }, 'could not look up which messages other machines have handled');
      return [];
    }
  }
}

function keyOf(bot: string): string {
  return `${REDIS_PREFIX}:seen:${bot}`;
}

/** Whether a message came after another. Later ids are longer, or larger at the same length. */
function isLater(message: string, other: string): boolean {
  return message.length === other.length ? message > other : message.length > other.length;
}
