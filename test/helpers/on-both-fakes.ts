import { createLogger } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config.ts';
import { fakePhotoReader } from '../fakes/photo.ts';

/** What a bot or a worker is given: where the fakes are, its settings, and how long reading a photo takes, in milliseconds. */
export type BotOnFakes = Required<NonNullable<Parameters<typeof loadConfig>[0]>> & { readonly milliseconds: number };

/** The whole bot or a worker on both chats, connected, in this process. */
export async function startOnBoth(program: 'bot' | 'worker', settings: BotOnFakes): Promise<{ stop(): Promise<void> }> {
  const { milliseconds, ...options } = settings;
  const config = loadConfig(options);
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  const read = fakePhotoReader(milliseconds);
  // Only what that program loads: each process of a test loads it anew.
  if (program === 'bot') return await (await import('../../src/bot.ts')).startBot(config, log, read);
  return await (await import('../../src/worker.ts')).startWorker(config, log, read);
}
