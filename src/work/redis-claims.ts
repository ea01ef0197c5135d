import type { Redis } from 'ioredis';
import type { Logger } from '../base/log.ts';
import { connectRedis, hashed, REDIS_PREFIX } from '../base/redis.ts';

/** Seconds after which a claim is forgotten: by then a command's own token has run out. */
const KEPT_S = 15 * 60;

/** Which process answers what several hear of. What is kept stands under a hash, for a quarter of an hour. */
export class RedisClaims {
  readonly #client: Redis;
  readonly #log: Logger;

  private constructor(client: Redis, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** @throws Error where Redis cannot be reached or refuses */
  static async connect(url: string, log: Logger): Promise<RedisClaims> {
    return new RedisClaims(await connectRedis(url, log), log);
  }

  /** Takes something on. @returns false where another process has. Never rejects: while Redis is away, everybody may. */
  async claim(what: string): Promise<boolean> {
    const key = `${REDIS_PREFIX}:claim:${hashed(what)}`;
    try {
      return (await this.#client.set(key, '', 'EX', KEPT_S, 'NX')) === 'OK';
    } catch (err) {
      this.#log.warn({ err }, 'it cannot be looked up whether another process answers a command');
      return true;
    }
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }
}
