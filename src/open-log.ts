import { createLogger, type Logger } from './base/log.ts';
import type { Config } from './config.ts';

/** The log of a process, without its credentials. What the .env file sets in vain is its first lines. */
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
