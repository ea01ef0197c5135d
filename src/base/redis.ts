import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import pRetry from 'p-retry';
import { unlessAborted } from './aborts.ts';
import { codeOf, ownWords, UserError } from './errors.ts';
import { reasonOf } from './files.ts';
import type { Logger } from './log.ts';

/** Before every key, so that one Redis can serve other programs too. */
export const REDIS_PREFIX = 'emotion-bot';
/** Milliseconds for a connection and for an answer. */
const TIMEOUT_MS = 5000;
/** Milliseconds before a connection to a copy is given up again. */
const LEAVE_AGAIN_MS = 1000;
/** Milliseconds before a Redis that is away is tried again, doubled each time up to the second number. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

/** What the system says of a machine or a program that may be there later. */
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
/** What a Redis says that starts, or whose place another one takes, and what its client says of one that does not answer. */
const NOT_YET = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b|^Command timed out$|^Connection is closed\.$/;

/** A part in the one connection over which a process asks a Redis whatever is answered at once. */
export interface RedisPart {
  /** @throws Error where the part has been given back */
  readonly client: Redis;
  /** Gives it back: the connection ends with the last part. Later calls do nothing. */
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
 * Takes part in the process' connection to a Redis, and opens it where nobody has yet. Waits for a Redis that is away, and says so in the log;
 * a connection that is lost later is opened again.
 * @param signal gives up waiting
 * @throws Error where the address is none of a Redis, or Redis refuses; the signal's reason
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
export async function hasRedis(url: string): Promise<boolean> {
  const connection = shared.get(url);
  return connection?.isThere === true && (await connection.opening).status === 'ready';
}

function open(url: string, log: Logger): Shared {
  const giveUp = new AbortController();
  const opening = untilThere(url, log, giveUp.signal);
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

async function untilThere(url: string, log: Logger, signal: AbortSignal): Promise<Redis> {
  let isAway = false;
  const client = await pRetry(() => connectRedis(url, log), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    signal,
    shouldRetry: ({ error }) => mayComeBack(error),
    onFailedAttempt: ({ error: err }) => {
      if (isAway || !mayComeBack(err)) return;
      isAway = true;
      log.warn({ err }, 'Redis at REDIS_URL cannot be reached: I wait for it, and start once it answers');
    },
  });
  if (isAway) log.info('Redis is there now');
  return client;
}

/** Whether a Redis that cannot be reached may be there later without anybody changing a setting. */
function mayComeBack(error: unknown): boolean {
  return AWAY.has(codeOf(error) ?? '') || NOT_YET.test(ownWords(error));
}

/**
 * Opens a connection of its own. One that is lost is opened again.
 * @param options.waits true for one that a worker waits on, for as long as it takes
 * @throws Error where Redis cannot be reached or refuses
 */
export async function connectRedis(
  url: string,
  log: Logger,
  { waits = false }: { readonly waits?: boolean } = {},
): Promise<Redis> {
  // Loaded here, since most bots never need it.
  const { Redis: Client } = await import('ioredis');
  const client = new Client(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
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

/**
 * Where another server has taken a Redis' place, its address leads there for a new connection, while the old one lasts: to what is a copy
 * now, and refuses whatever is written.
 */
function leavesACopy(): (error: Error) => boolean {
  let leftAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    // What is a copy there as well would be left and come back to without a pause.
    const isTooSoon = performance.now() - leftAt < LEAVE_AGAIN_MS;
    if (isTooSoon || !message.startsWith('READONLY')) return false;
    leftAt = performance.now();
    return true;
  };
}

/**
 * Runs what takes a Redis.
 * @param setting what names that Redis
 * @throws UserError 'bad-config' where it cannot be used
 */
export async function usable<T>(connect: () => Promise<T>, setting = 'REDIS_URL'): Promise<T> {
  try {
    return await connect();
  } catch (cause) {
    throw new UserError('bad-config', `Redis at ${setting} cannot be used: ${reasonOf(cause)}.`, { cause });
  }
}

/** What stands in Redis in place of ids that are kept there for minutes. */
export function hashed(ids: string): string {
  return createHash('sha256').update(ids).digest('base64url');
}
