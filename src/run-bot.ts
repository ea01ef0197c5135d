import type { RetrainServices } from '../commands/retrain.ts';
import type { Logger } from './base/log.ts';
import { connectOrExplain } from './base/redis.ts';
import { type Config, loadConfig } from './config.ts';
import { endOnMistake, serveUntilSignal } from './ending.ts';
import { openLog } from './open-log.ts';
import { openReader, type Reader, releaserOf } from './open-reader.ts';
import type { Machines } from './retraining/machines.ts';
import { VersionRegistry } from './versions/registry.ts';

/**
 * Runs `npm start`: reads the settings, loads the photo reader, connects, and stops on a signal. If it cannot start, it says why on
 * standard error and by its exit status: 2 where the operator can put it right, 1 where it is a bug.
 * @param options for tests and benchmarks, which connect the bot to a chat server of their own
 */
export async function runBot(options: Parameters<typeof loadConfig>[0] = {}): Promise<void> {
  try {
    await start(options);
  } catch (error) {
    endOnMistake(error);
  }
}

async function start(options: Parameters<typeof loadConfig>[0]): Promise<void> {
  const config = loadConfig(options);
  const log = openLog(config);
  await serve(config, log);
}

/**
 * Connects to the machines that share a Redis, of which only one trains at a time.
 * @returns undefined without Redis
 * @throws UserError 'bad-config' where Redis cannot be used
 */
async function openMachines({ redisUrl }: Config, log: Logger, signal: AbortSignal): Promise<Machines | undefined> {
  if (redisUrl === undefined) return undefined;
  return await connectOrExplain(async () =>
    (await import('./retraining/redis-machines.ts')).RedisMachines.connect(redisUrl, log, { signal }),
  );
}

async function serve(config: Config, log: Logger): Promise<void> {
  const { directory, engine } = config.model;
  const registry = new VersionRegistry(directory);
  const giveUp = new AbortController();
  // The threads load their networks while this thread connects.
  const opening = openReader(config, registry, log, giveUp.signal);
  const refresh = async () => (await opening).refresh();
  const reading = async () => (await opening).installed();
  const openTraining = async (): Promise<RetrainServices> => {
    const [{ Retraining }, machines] = await Promise.all([
      import('./retraining/supervisor.ts'),
      openMachines(config, log, giveUp.signal),
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
      ...(machines && { machines }),
    });
    return { retraining, registry, refresh, reading };
  };
  const read: Reader['read'] = async (...photo) => (await opening).read(...photo);
  await serveUntilSignal(
    config,
    log,
    { giveUp, release: releaserOf(opening) },
    async () => {
      const { startBot } = await import('./bot.ts');
      return await startBot(config, log, read, openTraining(), opening);
    },
    ({ addresses }) => {
      for (const line of addresses) console.log(`${line} (Ctrl+C stops).`);
    },
  );
}
