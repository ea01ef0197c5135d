import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { reasonOf } from '../base/files.ts';
import type { Logger } from '../base/log.ts';
import { connectOrExplain } from '../base/redis.ts';
import type { Config } from '../config.ts';
import { FileStore } from './file-store.ts';
import { RedisStore } from './redis-store.ts';
import { Settings } from './settings.ts';

/**
 * Opens the settings of people and channels: in Redis where the configuration names one, else in a file of the state folder.
 * @throws UserError 'bad-config' where they cannot be opened; without them the bot does not know who opted out
 */
export async function openSettings(
  config: Pick<Config, 'redisUrl' | 'stateDirectory'>,
  log: Logger,
): Promise<Settings> {
  const { redisUrl } = config;
  if (redisUrl !== undefined)
    return await connectOrExplain(async () => begin(new Settings(await RedisStore.connect(redisUrl, log), log)));
  const path = join(config.stateDirectory, 'settings.db');
  try {
    return await begin(new Settings(new FileStore(path), log));
  } catch (cause) {
    throw new UserError('bad-config', `The settings in ${path} cannot be opened: ${reasonOf(cause)}.`, { cause });
  }
}

async function begin(settings: Settings): Promise<Settings> {
  await settings.begin();
  return settings;
}
