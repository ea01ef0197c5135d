import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { reasonOf } from '../base/files.ts';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import { FileJournal } from './file-journal.ts';
import type { Journal } from './journal.ts';

/**
 * The journal of what is under way; undefined where no chat is connected, since the page's messages end with the process.
 * @throws UserError 'bad-config' where it cannot be opened
 */
export async function openJournal(config: Config, log: Logger): Promise<Journal | undefined> {
  if (config.discord === undefined && config.slack === undefined) return undefined;
  const path = join(config.stateDirectory, 'journal.db');
  try {
    return await FileJournal.open(path, log);
  } catch (cause) {
    throw new UserError('bad-config', `The journal in ${path} cannot be opened: ${reasonOf(cause)}.`, { cause });
  }
}
