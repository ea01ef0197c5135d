import { createLogger, type Logger } from './base/log.ts';
import type { Config } from './config.ts';

/** Creates the log of a process, which hides its credentials. First it warns of names in the .env file that are no settings. */
export function openLog(config: Config): Logger {
  const log = createLogger({ level: config.log.level, secrets: config.secrets });
  for (const { name, meant } of config.unknownSettings) {
    log.warn(
      { setting: name, ...(meant !== undefined && { meant }) },
      'the .env file sets something that is no setting; is it misspelt?',
    );
  }
  return log;
}
