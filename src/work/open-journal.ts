import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { reasonOf } from '../base/files.ts';
import type { Logger } from '../base/log.ts';
import { connectOrExplain } from '../base/redis.ts';
import type { Config } from '../config.ts';
import { FileJournal } from './file-journal.ts';
import type { Journal } from './journal.ts';

/**
 * Opens the journal. Where a Redis is configured, the last handled messages are shared with the other machines.
 * @returns undefined where no chat is configured, since the page's messages end with the process
 * @throws UserError 'bad-config' where it cannot be opened, or Redis cannot be used
 */
export async function openJournal(config: Config, log: Logger): Promise<Journal | undefined> {
  if (config.discord === undefined && config.slack === undefined) return undefined;
  const path = join(config.stateDirectory, 'journal.db');
  const journal = await FileJournal.open(path, log).catch((cause: unknown) => {
    throw new UserError('bad-config', `The journal in ${path} cannot be opened: ${reasonOf(cause)}.`, { cause });
  });
  const { redisUrl } = config;
  if (redisUrl === undefined) return journal;
  try {
    return await connectOrExplain(async () =>
      (await import('./shared-seen.ts')).SharedSeen.connect(journal, redisUrl, log),
    );
  } catch (error) {
    await journal.close();
    throw error;
  }
}
