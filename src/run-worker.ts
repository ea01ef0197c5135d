import { loadConfig } from './config.ts';
import { endOnMistake, serveUntilSignal } from './ending.ts';
import { openLog } from './open-log.ts';
import { openReader, releaserOf } from './open-reader.ts';
import { VersionRegistry } from './versions/registry.ts';

/**
 * Runs `npm run worker`: answers photos that bots put into Redis, until a signal comes. It reports errors and exits as `runBot` does.
 * @param options for tests, which connect the worker to chat servers of their own
 */
export async function runWorker(options: Parameters<typeof loadConfig>[0] = {}): Promise<void> {
  try {
    const config = loadConfig(options);
    const log = openLog(config);
    const giveUp = new AbortController();
    const opening = openReader(config, new VersionRegistry(config.model.directory), log, giveUp.signal);
    await serveUntilSignal(
      config,
      log,
      { giveUp, release: releaserOf(opening) },
      async () => {
        const { startWorker } = await import('./worker.ts');
        return await startWorker(config, log, async (...photo) => (await opening).read(...photo), opening);
      },
      () => console.log('I answer photos from Redis (Ctrl+C stops).'),
    );
  } catch (error) {
    endOnMistake(error);
  }
}
