import type { Redis } from 'ioredis';
import type { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import { noSpace, type Store, unreachable, unsaved } from './store.ts';

const PREFIX = `${REDIS_PREFIX}:`;
/** How many keys Redis looks at in one step, during which it does nothing else. */
const KEYS_A_LOOK = 1000;
/**
 * Replaces a value if it is still the known one. Redis runs a script as one step. The client sends it again if the connection is lost before
 * the answer: where it was run already, it answers the same.
 */
const REPLACE = `
  local now = redis.call('GET', KEYS[1])
  if now == ARGV[2] then return 1 end
  if now ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2])
  return 1`;

/**
 * A store in Redis, for bots on several machines. How much a crash of Redis itself loses depends on its own settings
 * (with `appendonly yes` and `appendfsync always`, nothing).
 */
export class RedisStore implements Store {
  readonly #redis: RedisPart;

  private constructor(redis: RedisPart) {
    this.#redis = redis;
  }

  /**
   * Connects. A connection that is lost later is opened again.
   * @throws Error where Redis cannot be reached or refuses
   */
  static async connect(url: string, log: Logger): Promise<RedisStore> {
    const redis = await shareRedis(url, log);
    await warnOfEviction(redis.client, log);
    return new RedisStore(redis);
  }

  async get(key: string): Promise<string | undefined> {
    return (await explained(unreachable, () => this.#redis.client.get(keyOf(key)))) ?? undefined;
  }

  async set(key: string, value: string): Promise<void> {
    await explained(unsaved, () => this.#redis.client.set(keyOf(key), value));
  }

  async setIfAbsent(key: string, value: string): Promise<string> {
    await explained(unsaved, () => this.#redis.client.set(keyOf(key), value, 'NX'));
    return (await explained(unsaved, () => this.#redis.client.get(keyOf(key)))) ?? value;
  }

  async replace(key: string, known: string, value: string): Promise<boolean> {
    return (await explained(unsaved, () => this.#redis.client.eval(REPLACE, 1, keyOf(key), known, value))) === 1;
  }

  async keys(prefix: string): Promise<string[]> {
    const found = new Set<string>();
    const pattern = keyOf(prefix).replaceAll(/[\\*?[\]^]/g, '\\$&');
    let cursor = '0';
    do {
      const [next, keys] = await explained(unreachable, () =>
        this.#redis.client.scan(cursor, 'MATCH', `${pattern}*`, 'COUNT', KEYS_A_LOOK),
      );
      // SCAN may return a key twice.
      for (const key of keys) found.add(key.slice(PREFIX.length));
      cursor = next;
    } while (cursor !== '0');
    return [...found];
  }

  async delete(key: string): Promise<void> {
    await explained(unsaved, () => this.#redis.client.del(keyOf(key)));
  }

  async close(): Promise<void> {
    this.#redis.release();
  }
}

/** A key's full name in Redis. */
function keyOf(key: string): string {
  return `${PREFIX}${key}`;
}

/** Warns if Redis would evict data when its memory is full, and so lose who opted out. Never rejects. */
async function warnOfEviction(client: Redis, log: Logger): Promise<void> {
  let memory: string;
  try {
    memory = await client.info('memory');
  } catch (err) {
    // Redis may have gone away since the process connected. That is no reason not to start.
    log.warn({ err }, 'could not find out whether Redis deletes data when its memory is full');
    return;
  }
  const policy = /^maxmemory_policy:(allkeys-\w+)/m.exec(memory)?.[1];
  if (policy === undefined) return;
  log.warn({ policy }, 'Redis deletes data when its memory is full; set its maxmemory-policy to noeviction');
}

/** Runs `work`, and turns its errors into UserErrors where people can be told. */
async function explained<T>(outOfReach: (cause: unknown) => UserError, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw outOfReach(error);
    // Redis is starting, or another one is taking its place.
    if (/^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS)\b/.test(error.message))
      throw outOfReach(error);
    // Redis refuses to write where it has no memory left, or cannot save to its disk.
    if (/^(OOM|MISCONF)\b/.test(error.message)) throw noSpace(error);
    throw error;
  }
}
