import type { PhotoServices } from '../commands/emotions.ts';
import { UserError } from './base/errors.ts';
import { giveBack } from './base/large-bytes.ts';
import { createLogger, type Logger } from './base/log.ts';
import { type Config, loadConfig } from './config.ts';
import { createFaceDetector } from './photo/faces/create-detector.ts';
import { LiveClassifier } from './versions/live-classifier.ts';
import { VersionRegistry } from './versions/registry.ts';
import type { VersionId } from './versions/shipped.ts';

/** Milliseconds that freeing the engine may take on top of SHUTDOWN_SECONDS. */
const RELEASE_MS = 5000;
/** systemd signals every process of a service, and npm passes on what it gets: one signal can come several times. */
const SAME_SIGNAL_MS = 1000;

/**
 * What `npm start` does: reads the settings, loads what reads photos, connects, and stops on a signal. What keeps it from starting is said
 * on standard error and by the exit status: 2 where the operator can put it right, 1 where it is a bug.
 * @param options for tests and benchmarks, which connect it to a chat of their own
 */
export async function runBot(options: Parameters<typeof loadConfig>[0] = {}): Promise<void> {
  try {
    await start(options);
  } catch (error) {
    // What the operator can put right is a sentence; everything else is a bug and shows where it happened.
    const isMistake = error instanceof UserError;
    console.error(isMistake ? error.message : error);
    process.exitCode = isMistake ? 2 : 1;
    // Worker threads of a half-started engine would keep the process alive.
    setTimeout(() => process.exit(), 1000).unref();
  }
}

async function start(options: Parameters<typeof loadConfig>[0]): Promise<void> {
  const config = loadConfig(options);
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  for (const name of config.unknownSettings) {
    log.warn({ setting: name }, 'the .env file sets something that is no setting; is it misspelt?');
  }
  await serve(config, log);
}

/** What reads photos, and what frees it. */
interface Reader {
  readonly read: PhotoServices['readPhoto'];
  readonly refresh: () => Promise<void>;
  /** The version of the network that is read with. */
  readonly version: () => VersionId;
  readonly release: () => Promise<void>;
}

async function serve(config: Config, log: Logger): Promise<void> {
  const { directory, engine } = config.model;
  const registry = new VersionRegistry(directory);
  // Threads load what they compute with while this one connects.
  const opening = openReader(config, registry, log);
  const opened = Promise.allSettled([opening]);
  const release = async () => {
    const [reader] = await opened;
    if (reader.status === 'fulfilled') await reader.value.release();
  };
  const refresh = async () => (await opening).refresh();
  try {
    const [{ startBot }, { Retraining }] = await Promise.all([
      import('./bot.ts'),
      import('./retraining/supervisor.ts'),
    ]);
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
    const reading = async () => (await opening).version();
    const read: Reader['read'] = async (...photo) => (await opening).read(...photo);
    const bot = await startBot(config, log, read, { retraining, registry, refresh, reading }, opening);
    for (const line of bot.troubles) console.error(line);
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

/** Opens threads and networks, and has them read a picture of nothing, so that the first photo waits for nothing but itself. */
async function openReader(config: Config, registry: VersionRegistry, log: Logger): Promise<Reader> {
  const { detector: choice, concurrency, maxBytes } = config.photos;
  const { engine, threads } = config.model;
  const detector = createFaceDetector({ detector: choice, threads: concurrency });
  let classifier: LiveClassifier | undefined;
  const release = async () => {
    await Promise.all([detector.close(), classifier?.dispose()]);
  };
  try {
    const [{ readPhoto, warmUp }, live] = await Promise.all([
      import('./photo/read-photo.ts'),
      LiveClassifier.open(registry, log, { engine, threads }),
    ]);
    classifier = live;
    const tools = { detector, classifier, limits: { maxBytes } };
    await warmUp(tools);
    return {
      read: (bytes, signal, hold, moving, withCopy) =>
        readPhoto(bytes, tools, {
          annotate: true,
          signal,
          onStart: hold,
          onDecoded: () => giveBack(bytes),
          ...(moving && { moving }),
          ...(withCopy && { copy: true }),
        }),
      refresh: () => live.refresh(),
      version: () => live.version,
      release,
    };
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
