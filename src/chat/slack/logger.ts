import { type Logger as BoltLogger, LogLevel } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';

/** Anything that looks like one of Slack's tokens, even one that the bot was never given. */
const TOKEN = /x(?:ox[a-z]|app)-[\w-]+/g;

/**
 * Slack's own library writes to the bot's log. Nothing below 'info': its debug lines repeat whole messages of people and
 * the addresses that speak for the bot.
 */
export function boltLogger(log: Logger): BoltLogger {
  const write =
    (level: 'info' | 'warn' | 'error') =>
    (...parts: unknown[]) => {
      const err = parts.find((part) => part instanceof Error);
      const words = parts.filter((part) => typeof part === 'string').join(' ');
      log[level](
        { platform: 'slack', ...(err && { err }) },
        words.replaceAll(TOKEN, '[token]') || 'Slack’s library failed',
      );
    };
  return {
    debug: () => {},
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
