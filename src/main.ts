import { UserError } from './base/errors.ts';
import { createLogger, type Logger } from './base/log.ts';
import { startBot } from './bot.ts';
import { type Config, loadConfig } from './config.ts';
import { createFaceDetector } from './photo/faces/create-detector.ts';
import { readPhoto } from './photo/read-photo.ts';
import { Retraining } from './retraining/supervisor.ts';
import { LiveClassifier } from './versions/live-classifier.ts';
import { VersionRegistry } from './versions/registry.ts';

/** Milliseconds that freeing the engine may take on top of SHUTDOWN_SECONDS. */
const RELEASE_MS = 5000;
/** systemd signals every process of a service, and npm passes on what it gets: one signal can come several times. */
const SAME_SIGNAL_MS = 1000;

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  for (const name of config.unknownSettings) {
    log.warn({ setting: name }, 'the .env file sets something that is no setting; is it misspelt?');
  }
  await serve(config, log);
}

async function serve(config: Config, log: Logger): Promise<void> {
  const { directory, threads, engine } = config.model;
  const registry = new VersionRegistry(directory);
  const classifier = await LiveClassifier.open(registry, log, { engine, threads });
  const refresh = () => classifier.refresh();
  const retraining = new Retraining({
    stateDirectory: config.stateDirectory,
    dataDirectory: config.dataDirectory,
    modelDirectory: directory,
    registry,
    log,
    engine,
    environment: config.childEnvironment,
    onPromoted: refresh,
  });
  const detector = createFaceDetector({ detector: config.photos.detector, threads: config.photos.concurrency });
  const release = async () => {
    await Promise.all([detector.close(), classifier.dispose()]);
  };
  try {
    const bot = await startBot(
      config,
      log,
      (bytes, signal, hold) =>
        readPhoto(
          bytes,
          { detector, classifier, limits: { maxBytes: config.photos.maxBytes } },
          { annotate: true, signal, onStart: hold },
        ),
      { retraining, registry, refresh },
    );
    for (const line of bot.addresses) console.log(`${line} (Ctrl+C stops).`);
    stopOnSignal(config, log, async () => {
      await bot.stop();
      await release();
    });
  } catch (error) {
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

main().catch((error: unknown) => {
  // What the operator can put right is a sentence; everything else is a bug and shows where it happened.
  const isMistake = error instanceof UserError;
  console.error(isMistake ? error.message : error);
  process.exitCode = isMistake ? 2 : 1;
  // Worker threads of a half-started engine would keep the process alive.
  setTimeout(() => process.exit(), 1000).unref();
});
