import { loadConfig } from './config.ts';
import { endOnMistake, stopOnSignal } from './ending.ts';
import { openLog } from './open-log.ts';
import { openReader, releaserOf } from './open-reader.ts';
import { VersionRegistry } from './versions/registry.ts';

/**
 * What `npm run worker` does: answers photos that bots put into Redis, until a signal; ends as `runBot` does.
 * @param options for tests, which connect it to chats of their own
 */
export async function runWorker(options: Parameters<typeof loadConfig>[0] = {}): Promise<void> {
  try {
    const config = loadConfig(options);
    const log = openLog(config);
    const giveUp = new AbortController();
    const opening = openReader(config, new VersionRegistry(config.model.directory), log, giveUp.signal);
    const release = releaserOf(opening);
    // As `runBot` does.
    let stop = async () => {
      giveUp.abort(new Error('the worker is stopping'));
      await release();
    };
    stopOnSignal(config, log, () => stop());
    try {
      const { startWorker } = await import('./worker.ts');
      const worker = await startWorker(config, log, async (...photo) => (await opening).read(...photo), opening);
      if (giveUp.signal.aborted) return await worker.stop();
      for (const line of worker.troubles) console.error(line);
      console.log('I answer photos from Redis (Ctrl+C stops).');
      stop = async () => {
        await worker.stop();
        await release();
      };
    } catch (error) {
      if (giveUp.signal.aborted) return;
      giveUp.abort(error);
      await release();
      throw error;
    }
  } catch (error) {
    endOnMistake(error);
  }
}
