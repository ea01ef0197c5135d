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
    // From the start on, since Redis may be away for long.
    let stop = async () => {};
    stopOnSignal(config, log, () => stop());
    const giveUp = new AbortController();
    const opening = openReader(config, new VersionRegistry(config.model.directory), log, giveUp.signal);
    const release = releaserOf(opening);
    try {
      const { startWorker } = await import('./worker.ts');
      const worker = await startWorker(config, log, async (...photo) => (await opening).read(...photo), opening);
      for (const line of worker.troubles) console.error(line);
      console.log('I answer photos from Redis (Ctrl+C stops).');
      stop = async () => {
        await worker.stop();
        await release();
      };
    } catch (error) {
      giveUp.abort(error);
      await release();
      throw error;
    }
  } catch (error) {
    endOnMistake(error);
  }
}
