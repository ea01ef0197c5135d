/** A worker as a process of its own that can be killed: `worker-on-fakes.ts SETTINGS`, as JSON. Prints a line once it takes photos. */
import { createLogger } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config.ts';
import { startWorker } from '../../src/worker.ts';
import { fakePhotoReader } from '../fakes/photo.ts';
import type { BotOnFakes } from './bot-on-fakes.ts';

const settings = process.argv[2];
if (settings !== undefined) {
  const { milliseconds, ...options } = JSON.parse(settings) as BotOnFakes;
  const config = loadConfig(options);
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  const worker = await startWorker(config, log, fakePhotoReader(milliseconds));
  process.once('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
  process.stdout.write('connected\n');
}
