import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import { type Job, type JobKey, type Journal, type LeftJob, SEEN_KEPT_MS } from './journal.ts';

/** Milliseconds after which others are told what was seen. */
const TELL_MS = 1000;

/** Keeps what was seen in some channels, unless another machine has seen a later message there: ids grow, in length first. */
const SEE = `
  for k = 2, #ARGV, 2 do
    local known = string.match(redis.call('HGET', KEYS[1], ARGV[k]) or '', '^%S*')
    local now = string.match(ARGV[k + 1], '^%S*')
    if #now > #known or (#now == #known and now > known) then redis.call('HSET', KEYS[1], ARGV[k], ARGV[k + 1]) end
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

/** A message that was looked at, and when. */
interface Seen {
  readonly message: string;
  readonly at: number;
}

/**
 * A journal that also tells the other machines of a Redis what was seen, so that a bot which comes back on a machine where it has never been
 * reads on from there. Jobs stay where they are.
 */
export class SharedSeen implements Journal {
  readonly #journal: Journal;
  readonly #redis: RedisPart;
  readonly #log: Logger;
  readonly #now: () => number;
  /** What is still to be told, by account and channel. */
  #untold = new Map<string, Map<string, Seen>>();
  #timer: NodeJS.Timeout | undefined;

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

  suspect(job: JobKey): Promise<void> {
    return this.#journal.suspect(job);
  }

  whisper(job: JobKey, couldNot?: boolean): Promise<void> {
    return this.#journal.whisper(job, couldNot);
  }

  takeOver(bot: string, isOurs?: (place: string) => Promise<boolean>): Promise<LeftJob[]> {
    return this.#journal.takeOver(bot, isOurs);
  }

  see(bot: string, place: string, message: string): void {
    this.#journal.see(bot, place, message);
    const seen = this.#untold.get(bot) ?? new Map<string, Seen>();
    this.#untold.set(bot, seen.set(place, { message, at: this.#now() }));
    this.#timer ??= setTimeout(() => void this.#tell(), TELL_MS).unref();
  }

  async lastSeen(bot: string): Promise<ReadonlyMap<string, string>> {
    const own = await this.#journal.lastSeen(bot);
    // What another machine has seen may be under way there, and that may have died with it: where this one was, it looks itself.
    if (own.size > 0) return own;
    return new Map((await this.#seenByAll(bot)).sort(([, a], [, b]) => (isLater(a, b) ? -1 : 1)));
  }

  async close(): Promise<void> {
    await this.#tell();
    this.#redis.release();
    await this.#journal.close();
  }

  /** Never rejects: the journal has it, and what comes next brings it along. */
  async #tell(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const untold = this.#untold;
    this.#untold = new Map();
    try {
      for (const [bot, seen] of untold) {
        const values = [...seen].flatMap(([place, { message, at }]) => [place, `${message} ${at}`]);
        await this.#redis.client.eval(SEE, 1, keyOf(bot), SEEN_KEPT_MS, ...values);
      }
    } catch (err) {
      this.#log.warn({ err }, 'other machines could not be told what was seen');
    }
  }

  /** Never rejects: without Redis a bot knows what it has seen itself. */
  async #seenByAll(bot: string): Promise<[string, string][]> {
    try {
      const since = this.#now() - SEEN_KEPT_MS;
      const found = Object.entries(await this.#redis.client.hgetall(keyOf(bot)));
      const old = found.filter(([, value]) => Number(value.split(' ')[1]) < since).map(([place]) => place);
      if (old.length > 0) await this.#redis.client.hdel(keyOf(bot), ...old);
      return found.filter(([place]) => !old.includes(place)).map(([place, value]) => [place, value.split(' ')[0]!]);
    } catch (err) {
      this.#log.warn({ err }, 'it cannot be looked up what other machines have seen');
      return [];
    }
  }
}

function keyOf(bot: string): string {
  return `${REDIS_PREFIX}:seen:${bot}`;
}

/** Whether a message came after another, by their ids, which grow. */
function isLater(message: string, other: string): boolean {
  return message.length === other.length ? message > other : message.length > other.length;
}
