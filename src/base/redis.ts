import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import pRetry from 'p-retry';
import { unlessAborted } from './aborts.ts';
import { codeOf, errorText, UserError } from './errors.ts';
import { reasonOf } from './files.ts';
import type { Logger } from './log.ts';

/** Prefix of every key, so that other programs can use the same Redis. */
export const REDIS_PREFIX = 'emotion-bot';
/** Time limit for a connection and for an answer, in milliseconds. */
const TIMEOUT_MS = 5000;
/** Milliseconds without a due answer after which a connection is replaced. BullMQ has Redis delay answers by up to 10 s. */
const SILENT_MS = 20_000;
/** Least time in milliseconds between two reconnections because of a read-only replica. */
const LEAVE_AGAIN_MS = 1000;
/** Milliseconds before a Redis that is down is tried again, doubled each time up to `LONGEST_PAUSE_MS`. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

/** The system's error codes for a machine or a program that may be reachable later. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
]);
/** Errors of a Redis that is starting or being replaced by another one, and the client's errors for one that does not answer. */
const NOT_YET =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b|^Command timed out$|^Socket timeout\.|^Connection is closed\.$/;

/** A share in the process's single connection to a Redis, for commands that are answered at once. */
export interface RedisPart {
  /** @throws Error after `release` */
  readonly client: Redis;
  /** Releases the share. The connection is closed with the last one. Later calls do nothing. */
  release(): void;
}

interface Shared {
  readonly opening: Promise<Redis>;
  readonly giveUp: AbortController;
  isThere: boolean;
  parts: number;
}

const shared = new Map<string, Shared>();

/**
 * Takes a share in the process's connection to a Redis, and opens the connection if there is none. If Redis is down, it waits for it and
 * logs that. A connection that is lost later is opened again.
 * @param signal gives up waiting
 * @throws Error where there is no Redis at the address, or Redis refuses; the signal's reason
 */
export async function shareRedis(url: string, log: Logger, signal?: AbortSignal): Promise<RedisPart> {
  const known = shared.get(url);
  const connection = known ?? open(url, log);
  connection.parts += 1;
  let isReleased = false;
  const release = () => {
    if (isReleased) return;
    isReleased = true;
    connection.parts -= 1;
    if (connection.parts > 0) return;
    forget(url, connection);
    connection.giveUp.abort(new Error('nobody needs Redis any more'));
    void connection.opening.then(
      (client) => client.disconnect(),
      () => {},
    );
  };
  try {
    const client = await unlessAborted(connection.opening, signal);
    return {
      get client() {
        if (isReleased) throw new Error('the connection to Redis has been given back');
        return client;
      },
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether the process is connected to a Redis that it shares. */
export async function isRedisConnected(url: string): Promise<boolean> {
  const connection = shared.get(url);
  return connection?.isThere === true && (await connection.opening).status === 'ready';
}

function open(url: string, log: Logger): Shared {
  const giveUp = new AbortController();
  const opening = waitForRedis(url, log, { signal: giveUp.signal });
  const connection: Shared = { opening, giveUp, isThere: false, parts: 0 };
  shared.set(url, connection);
  opening.then(
    () => {
      connection.isThere = true;
    },
    () => forget(url, connection),
  );
  return connection;
}

function forget(url: string, connection: Shared): void {
  if (shared.get(url) === connection) shared.delete(url);
}

/**
 * Opens a separate connection as `connectRedis` does. If Redis is down, it waits for it and logs that.
 * @param options.signal gives up waiting
 * @throws Error where there is no Redis at the address, or Redis refuses; the signal's reason
 */
export async function waitForRedis(
  url: string,
  log: Logger,
  { signal, ...options }: Parameters<typeof connectRedis>[2] & { readonly signal?: AbortSignal } = {},
): Promise<Redis> {
  let isAway = false;
  const client = await pRetry(() => connectRedis(url, log, options), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    ...(signal && { signal }),
    shouldRetry: ({ error }) => mayComeBack(error),
    onFailedAttempt: ({ error: err }) => {
      if (isAway || !mayComeBack(err)) return;
      isAway = true;
      log.warn({ err }, 'Redis at REDIS_URL cannot be reached: I wait for it, and start once it answers');
    },
  });
  if (isAway) log.info('Redis answers now');
  return client;
}

/** Whether a Redis that cannot be reached may be reachable later without a change of settings. */
function mayComeBack(error: unknown): boolean {
  return AWAY.has(codeOf(error) ?? '') || NOT_YET.test(errorText(error));
}

/**
 * Opens a separate connection. If it is lost, it is opened again.
 * @param options.waits true for a connection whose commands wait without limit, as a worker needs it
 * @param options.silentMs milliseconds without an answer after which it counts as lost
 * @throws Error where Redis cannot be reached or refuses
 */
export async function connectRedis(
  url: string,
  log: Logger,
  { waits = false, silentMs = SILENT_MS }: { readonly waits?: boolean; readonly silentMs?: number } = {},
): Promise<Redis> {
  // Loaded here, since most bots never need it.
  const { Redis: Client } = await import('ioredis');
  const client = new Client(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    // A machine or router that went away says nothing, and the system itself would try for a quarter of an hour.
    socketTimeout: silentMs,
    ...(waits ? { maxRetriesPerRequest: null } : { commandTimeout: TIMEOUT_MS, maxRetriesPerRequest: 1 }),
    retryStrategy: (tries) => Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, 10), LONGEST_PAUSE_MS),
    reconnectOnError: leavesACopy(),
  });
  let reason: unknown;
  let isConnected = false;
  client.on('error', (err) => {
    reason = err;
    if (isConnected) log.warn({ err }, 'the connection to Redis is lost');
  });
  try {
    await client.connect();
    // A missing or wrong password is reported only at the first command.
    await client.ping();
  } catch (error) {
    client.disconnect();
    // The client's own error only says that the connection is closed.
    throw reason ?? error;
  }
  isConnected = true;
  // BullMQ makes copies of it. They shall connect by themselves, and again if Redis is away just then: with this option they would fail.
  if (waits) client.options.lazyConnect = false;
  return client;
}

/**
 * Decides when to reconnect. After a failover, the address leads to the new primary, but the old connection still leads to the old one,
 * which is a read-only replica now and refuses writes.
 */
function leavesACopy(): (error: Error) => boolean {
  let leftAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    // If the address still leads to a replica, reconnecting at once would repeat without a pause.
    const isTooSoon = performance.now() - leftAt < LEAVE_AGAIN_MS;
    if (isTooSoon || !message.startsWith('READONLY')) return false;
    leftAt = performance.now();
    return true;
  };
}

/**
 * Connects to a Redis, and turns errors into UserErrors.
 * @param setting name of the setting with the Redis' address
 * @throws UserError 'bad-config' where it cannot be used
 */
export async function connectOrExplain<T>(connect: () => Promise<T>, setting = 'REDIS_URL'): Promise<T> {
  try {
    return await connect();
  } catch (cause) {
    throw new UserError('bad-config', `Redis at ${setting} cannot be used: ${reasonOf(cause)}.`, { cause });
  }
}

/** A hash that is stored in Redis instead of ids that are needed for some minutes. */
export function hashed(ids: string): string {
  return createHash('sha256').update(ids).digest('base64url');
}
