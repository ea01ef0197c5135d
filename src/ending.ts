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

/** The first signal lets running work end; a second one, or a stop that hangs, ends the process at once. */
export function stopOnSignal(config: Config, log: Logger, stop: () => Promise<void>): void {
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
