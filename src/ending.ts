import { UserError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import type { Config } from './config.ts';

/** Milliseconds that freeing the engine may take on top of SHUTDOWN_SECONDS. */
const RELEASE_MS = 5000;
/** systemd signals every process of a service, and npm passes on what it gets: one signal can come several times. */
const SAME_SIGNAL_MS = 1000;

/** Says what keeps a process from starting, on standard error and by its exit status: 2 where the operator can put it right, 1 where it is a bug. */
export function endOnMistake(error: unknown): void {
  // What the operator can put right is a sentence; everything else is a bug and shows where it happened.
  const isMistake = error instanceof UserError;
  console.error(isMistake ? error.message : error);
  process.exitCode = isMistake ? 2 : 1;
  // Worker threads of a half-started engine would keep the process alive.
  setTimeout(() => process.exit(), 1000).unref();
}

/** What a process serves with, once it has started. */
interface Server {
  /** What keeps it from serving everybody, a line each. */
  readonly troubles: readonly string[];
  stop(): Promise<void>;
}

/** What a process has before it serves. */
interface Opening {
  /** Gives up what still starts. */
  readonly giveUp: AbortController;
  /** Frees what reads photos, opened or not. */
  readonly release: () => Promise<void>;
}

/**
 * Starts a server, and stops it on a signal: from the beginning on, since Redis may be away for long. What has been opened is freed
 * however it ends; threads that load what they compute with must not be torn away from it.
 * @param greet says that it serves
 * @throws what keeps the server from starting, except where that is the signal
 */
export async function serveUntilSignal<T extends Server>(
  config: Config,
  log: Logger,
  { giveUp, release }: Opening,
  start: () => Promise<T>,
  greet: (server: T) => void,
): Promise<void> {
  let stop = async () => {
    giveUp.abort(new Error('this process is stopping'));
    await release();
  };
  stopOnSignal(config, log, () => stop());
  try {
    const server = await start();
    if (giveUp.signal.aborted) return await server.stop();
    for (const line of server.troubles) console.error(line);
    greet(server);
    stop = async () => {
      await server.stop();
      await release();
    };
  } catch (error) {
    // What fails because the process is told to stop is no mistake.
    if (giveUp.signal.aborted) return;
    giveUp.abort(error);
    await release();
    throw error;
  }
}

/** The first signal lets running work end; a second one, or a stop that hangs, ends the process at once. */
function stopOnSignal(config: Config, log: Logger, stop: () => Promise<void>): void {
  let stoppingSince: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), config.shutdownMs + RELEASE_MS).unref();
    stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
