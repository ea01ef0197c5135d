import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { UserError } from './errors.ts';
import { reasonOf } from './files.ts';
import type { Logger } from './log.ts';

/** Before every key, so that one Redis can serve other programs too. */
export const REDIS_PREFIX = 'emotion-bot';
/** Milliseconds for a connection and for an answer. */
const TIMEOUT_MS = 5000;

/**
 * Opens a connection. One that is lost is opened again.
 * @param options.waits true for one that a worker waits on, for as long as it takes
 * @param options.keyPrefix goes before every key
 * @param options.longestPauseMs longest pause between two tries to connect again, in milliseconds
 * @throws Error where Redis cannot be reached or refuses
 */
export async function connectRedis(
  url: string,
  log: Logger,
  options: { readonly waits?: boolean; readonly keyPrefix?: string; readonly longestPauseMs?: number } = {},
): Promise<Redis> {
  const { waits = false, keyPrefix = '', longestPauseMs = 2000 } = options;
  // Loaded here, since most bots never need it.
  const { Redis: Client } = await import('ioredis');
  const client = new Client(url, {
    keyPrefix,
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    ...(waits ? { maxRetriesPerRequest: null } : { commandTimeout: TIMEOUT_MS, maxRetriesPerRequest: 1 }),
    retryStrategy: (tries) => Math.min(100 * 2 ** Math.min(tries, 10), longestPauseMs),
  });
  let reason: unknown;
  let isConnected = false;
  client.on('error', (err) => {
    reason = err;
    if (isConnected) log.warn({ err }, 'the connection to Redis is lost');
  });
  try {
    await client.connect();
    // A password that is missing or wrong shows at the first command only.
    await client.ping();
  } catch (error) {
    client.disconnect();
    // The client's own error says no more than that the connection is closed.
    throw reason ?? error;
  }
  isConnected = true;
  return client;
}

/** Runs what takes a Redis. @throws UserError 'bad-config' where that cannot be used */
export async function usable<T>(connect: () => Promise<T>): Promise<T> {
  try {
    return await connect();
  } catch (cause) {
    throw new UserError('bad-config', `Redis at REDIS_URL cannot be used: ${reasonOf(cause)}.`, { cause });
  }
}

/** What stands in Redis in place of ids that are kept there for minutes. */
export function hashed(ids: string): string {
  return createHash('sha256').update(ids).digest('base64url');
}
