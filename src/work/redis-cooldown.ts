import type { Logger } from '../base/log.ts';
import { hashed, REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import { type Cooldown, PhotoCooldown, type Refusal } from './cooldown.ts';

const MINUTE_MS = 60_000;

/** Checks two token buckets and takes from both in one step, by Redis' own clock. */
const TAKE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local minute = tonumber(ARGV[3])
  local levels = {}
  for k = 1, 2 do
    local most = tonumber(ARGV[k])
    if most > 0 then
      local kept = redis.call('HMGET', KEYS[k], 'level', 'at', 'told')
      local level = tonumber(kept[1] or most)
      level = math.min(most, level + (now - tonumber(kept[2] or now)) / minute * most)
      if level < 1 then
        local told = kept[3] and now - tonumber(kept[3]) < minute
        redis.call('HSET', KEYS[k], 'level', tostring(level), 'at', now)
        if not told then redis.call('HSET', KEYS[k], 'told', now) end
        redis.call('PEXPIRE', KEYS[k], 2 * minute)
        return {k, math.ceil((1 - level) / most * minute), told and 1 or 0}
      end
      levels[k] = level
    end
  end
  for k, level in pairs(levels) do
    redis.call('HSET', KEYS[k], 'level', tostring(level - 1), 'at', now)
    redis.call('PEXPIRE', KEYS[k], 2 * minute)
  end
  return {0, 0, 0}`;

/** Limits photos over all processes that share a Redis. Buckets are stored under a hash, for two minutes. */
export class RedisCooldown implements Cooldown {
  readonly #redis: RedisPart;
  readonly #log: Logger;
  readonly #bounds: ConstructorParameters<typeof PhotoCooldown>[0];
  /** Counts in this process while Redis is down. */
  readonly #alone: PhotoCooldown;

  private constructor(redis: RedisPart, log: Logger, bounds: ConstructorParameters<typeof PhotoCooldown>[0]) {
    this.#redis = redis;
    this.#log = log;
    this.#bounds = bounds;
    this.#alone = new PhotoCooldown(bounds);
  }

  /** @throws Error where Redis cannot be reached or refuses */
  static async connect(
    url: string,
    log: Logger,
    bounds: ConstructorParameters<typeof PhotoCooldown>[0],
  ): Promise<RedisCooldown> {
    return new RedisCooldown(await shareRedis(url, log), log, bounds);
  }

  async take(person: string, channel: string): Promise<Refusal | undefined> {
    const { personPerMinute, channelPerMinute } = this.#bounds;
    try {
      const keys = [keyOf('person', person), keyOf('channel', channel)];
      const answer = await this.#redis.client.eval(TAKE, 2, ...keys, personPerMinute, channelPerMinute, MINUTE_MS);
      const [who, waitMs, reported] = answer as [number, number, number];
      if (who === 0) return undefined;
      return { who: who === 1 ? 'person' : 'channel', waitMs, alreadyReported: reported === 1 };
    } catch (err) {
      this.#log.warn({ err }, 'Redis does not count photos at the moment; this process counts its own');
      return this.#alone.take(person, channel);
    }
  }

  async close(): Promise<void> {
    this.#redis.release();
  }
}

function keyOf(kind: string, id: string): string {
  return `${REDIS_PREFIX}:cooldown:${hashed(`${kind} ${id}`)}`;
}
