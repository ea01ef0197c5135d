import type { Logger } from '../base/log.ts';
import { hashed, REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';

/** Seconds after which a claim is forgotten: by then a command's own token has run out. */
const KEPT_S = 15 * 60;

/** Which process answers what several hear of. What is kept stands under a hash, for a quarter of an hour. */
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

  /** Takes something on. @returns false where another process has. Never rejects: while Redis is away, everybody may. */
  async claim(what: string): Promise<boolean> {
    const key = `${REDIS_PREFIX}:claim:${hashed(what)}`;
    try {
      return (await this.#redis.client.set(key, '', 'EX', KEPT_S, 'NX')) === 'OK';
    } catch (err) {
      this.#log.warn({ err }, 'it cannot be looked up whether another process answers a command');
      return true;
    }
  }

  async close(): Promise<void> {
    this.#redis.release();
  }
}
