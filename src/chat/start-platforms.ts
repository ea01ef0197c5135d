import { setTimeout as pause } from 'node:timers/promises';
import pRetry from 'p-retry';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

/** Milliseconds before a chat that is out of reach is tried again, doubled each time up to the second number. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** What connects to a chat, or to the page's users. */
interface Startable {
  readonly name: string;
  /** @returns where it can be talked to */
  start(): Promise<string>;
}

/** What became of the platforms at the start. */
export interface Started<T> {
  /** A line a platform that is there: where it can be talked to. */
  readonly addresses: readonly string[];
  /** What keeps others from being there, a line each. */
  readonly troubles: readonly string[];
  /** Whether a platform is there by now. */
  has(platform: T): boolean;
}

/**
 * Starts platforms side by side: one that is out of reach, or is not let in, does not keep the others from starting. What is out of
 * reach is tried again until the signal fires; while nothing else is there, what `standIn` makes stands in for it.
 * @param standIn makes the page of this machine; undefined where there is nothing to be while no chat is there
 * @throws what keeps the first platform from starting, where none is there and trying again would not help
 */
export async function startPlatforms<T extends Startable>(
  platforms: readonly T[],
  standIn: (() => Promise<T>) | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<Started<T>> {
  const there = new Set<T>();
  const start = async (platform: T) => {
    const address = await platform.start();
    there.add(platform);
    return address;
  };
  const results = await Promise.allSettled(platforms.map(start));
  const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = results.flatMap((result, p) =>
    result.status === 'rejected' ? [{ platform: platforms[p]!, error: result.reason as unknown }] : [],
  );
  const outOfReach = failures.filter(({ error }) => isOutOfReach(error));
  if (failures.length > 0 && (signal.aborted || (there.size === 0 && outOfReach.length === 0)))
    throw failures[0]!.error;
  for (const { platform, error } of failures) {
    log.error({ platform: platform.name, err: error }, 'a platform could not be started; the rest runs');
  }
  for (const { platform } of outOfReach) void keepTrying(platform, start, log, signal);
  if (there.size === 0 && standIn) addresses.push(await start(await standIn()));
  return {
    addresses,
    troubles: failures.map(({ platform, error }) => troubleOf(platform, error)),
    has: (platform) => there.has(platform),
  };
}

/** Whether a platform may be there later, without anybody's doing. */
function isOutOfReach(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'busy';
}

function troubleOf({ name }: Startable, error: unknown): string {
  if (isOutOfReach(error)) return `${error.message} I try again until it can.`;
  const why = error instanceof UserError ? error.message : `${name} failed; the log says more.`;
  return `${why} Meanwhile I run without it.`;
}

async function keepTrying<T extends Startable>(
  platform: T,
  start: (platform: T) => Promise<string>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await pause(FIRST_PAUSE_MS, undefined, { signal });
    const address = await pRetry(() => start(platform), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 2 * FIRST_PAUSE_MS,
      maxTimeout: LONGEST_PAUSE_MS,
      signal,
      shouldRetry: ({ error }) => isOutOfReach(error),
    });
    log.info({ platform: platform.name, address }, 'the platform is there now');
  } catch (error) {
    if (signal.aborted) return;
    log.error({ platform: platform.name, err: error }, 'a platform is not let in; put that right and start me again');
  }
}
