import type { Logger } from '../base/log.ts';
import { hashed, REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';

/** Seconds after which a claim is deleted. By then the command's own token has expired. */
const KEPT_S = 15 * 60;

/** Decides which process answers a command that several processes receive. Claims are stored under a hash, for a quarter of an hour. */
export class RedisClaims {
  readonly #redis: RedisPart;
  readonly #log: Logger;

  private constructor(redis: RedisPart, log: Logger) {
    this.#redis = redis;
    this.#log = log;
  }

  /** @throws Error where Redis cannot be reached or refuses */
  static async connect(url: string, log: Logger): Promise<RedisClaims> {
    return new RedisClaims(await shareRedis(url, log), log);
  }

  /** Claims something. @returns false where another process has claimed it. Never rejects: while Redis is down, every claim succeeds. */
  async claim(what: string): Promise<boolean> {
    const key = `${REDIS_PREFIX}:claim:${hashed(what)}`;
    try {
      return (await this.#redis.client.set(key, '', 'EX', KEPT_S, 'NX')) === 'OK';
    } catch (err) {
      this.#log.warn({ err }, 'could not find out whether another process answers a command');
      return true;
    }
  }

  async close(): Promise<void> {
    this.#redis.release();
  }
}
