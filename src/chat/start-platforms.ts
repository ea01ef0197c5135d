import { setTimeout as pause } from 'node:timers/promises';
import pRetry from 'p-retry';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

/** Milliseconds before a chat that cannot be reached is tried again, doubled each time up to `LONGEST_PAUSE_MS`. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Connects to a chat, or serves the page. */
interface Startable {
  readonly name: string;
  /** @returns where people can talk to it */
  start(): Promise<string>;
}

/** The outcome of starting the platforms. */
export interface Started<T> {
  /** Where people can talk to the platforms that started, one line each. */
  readonly addresses: readonly string[];
  /** Why the others did not start, one line each. */
  readonly troubles: readonly string[];
  /** Whether a platform has started by now. */
  has(platform: T): boolean;
}

/**
 * Starts all platforms at the same time. One that cannot be reached, or refuses the bot, does not keep the others from starting. One that
 * cannot be reached is tried again until the signal fires. If no platform started, the one that `standIn` creates is started as well.
 * @param standIn creates the page on this machine; undefined where nothing replaces a chat that cannot be reached
 * @throws the first platform's error, where none started and trying again would not help
 */
export async function startPlatforms<T extends Startable>(
  platforms: readonly T[],
  standIn: (() => Promise<T>) | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<Started<T>> {
  const started = new Set<T>();
  const start = async (platform: T) => {
    const address = await platform.start();
    started.add(platform);
    return address;
  };
  const results = await Promise.allSettled(platforms.map(start));
  const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = results.flatMap((result, p) =>
    result.status === 'rejected' ? [{ platform: platforms[p]!, error: result.reason as unknown }] : [],
  );
  const outOfReach = failures.filter(({ error }) => isOutOfReach(error));
  if (failures.length > 0 && (signal.aborted || (started.size === 0 && outOfReach.length === 0)))
    throw failures[0]!.error;
  for (const { platform, error } of failures) {
    log.error({ platform: platform.name, err: error }, 'a platform could not be started; the rest runs');
  }
  for (const { platform } of outOfReach) void keepTrying(platform, start, log, signal);
  if (started.size === 0 && standIn) addresses.push(await start(await standIn()));
  return {
    addresses,
    troubles: failures.map(({ platform, error }) => troubleOf(platform, error)),
    has: (platform) => started.has(platform),
  };
}

/** Whether a platform may be reachable later, without anybody doing something about it. */
function isOutOfReach(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'busy';
}

function troubleOf({ name }: Startable, error: unknown): string {
  if (isOutOfReach(error)) return `${error.message} I try again until it can.`;
  const why = error instanceof UserError ? error.message : `${name} failed; the log says more.`;
  return `${why} Meanwhile I run without it.`;
}

/** Connects to a chat, again and again while it cannot be reached. @throws any other error; the signal's reason */
export async function untilReached<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return await pRetry(connect, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 2 * FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    signal,
    shouldRetry: ({ error }) => isOutOfReach(error),
  });
}

async function keepTrying<T extends Startable>(
  platform: T,
  start: (platform: T) => Promise<string>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await pause(FIRST_PAUSE_MS, undefined, { signal });
    const address = await untilReached(() => start(platform), signal);
    log.info({ platform: platform.name, address }, 'the platform is connected now');
  } catch (error) {
    if (signal.aborted) return;
    log.error({ platform: platform.name, err: error }, 'a platform refuses the bot; put that right and start me again');
  }
}
