import { UserError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import type { Config } from './config.ts';

/** Milliseconds that freeing the engine may take on top of SHUTDOWN_SECONDS. */
const RELEASE_MS = 5000;
/**
 * Milliseconds within which further signals count as the same one: systemd signals every process of a service, and npm passes its signals
 * on.
 */
const SAME_SIGNAL_MS = 1000;

/**
 * Says on standard error why a process cannot start, and sets its exit status: 2 where the operator can put it right, 1 where it is a
 * bug.
 */
export function endOnMistake(error: unknown): void {
  // A mistake of the operator's is printed as a sentence. Anything else is a bug and is printed with its stack.
  const isMistake = error instanceof UserError;
  console.error(isMistake ? error.message : error);
  process.exitCode = isMistake ? 2 : 1;
  // Worker threads of a half-started engine would keep the process alive.
  setTimeout(() => process.exit(), 1000).unref();
}

/** What runs in a process once it has started: a bot or a worker. */
interface Server {
  /** Why it does not serve every platform, one line each. */
  readonly troubles: readonly string[];
  stop(): Promise<void>;
}

/** What a process holds while its server starts. */
interface Opening {
  /** Aborts what is still starting. */
  readonly giveUp: AbortController;
  /** Frees the photo reader, whether it has been opened or not. */
  readonly release: () => Promise<void>;
}

/**
 * Starts a server and stops it on a signal. Signals are handled from the beginning on, since the start may wait for Redis for long.
 * The reader is freed in every case: a process that exits while its threads still load their networks can crash.
 * @param greet prints that the server is ready
 * @throws the error that keeps the server from starting, unless the signal caused it
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
    // A failure that the signal caused is no error.
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
