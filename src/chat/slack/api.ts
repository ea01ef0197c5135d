import { type Logger as BoltLogger, LogLevel, webApi } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';

export type SlackApi = webApi.WebClient;

/** Failed calls are tried again so often; a 429 first waits for as long as Slack says. */
export const RETRIES = { retries: 3, minTimeout: 300, maxTimeout: 5000, factor: 2 };
/** Milliseconds for one try of one call, uploads included. */
export const TIMEOUT_MS = 30_000;

/** Options of every client of Slack's Web API; a new object each time, since the socket's client changes its own. */
export function apiOptions(config: Config, log: Logger): webApi.WebClientOptions {
  const { slackApi } = config.internal;
  return {
    ...(slackApi !== undefined && { slackApiUrl: slackApi }),
    logger: boltLogger(log),
    retryConfig: { ...RETRIES },
    timeout: TIMEOUT_MS,
  };
}

/** The bot's client of the Web API. */
export function createApi(token: string, config: Config, log: Logger): SlackApi {
  return new webApi.WebClient(token, apiOptions(config, log));
}

/**
 * A client of its own for looking through messages. A 429 makes a client pause all its calls, and these calls get one
 * often: an app that is given to others without Slack's review may make one a minute. A caller is told instead.
 */
export function createLookBack(token: string, config: Config, log: Logger): SlackApi {
  return new webApi.WebClient(token, { ...apiOptions(config, log), rejectRateLimitedCalls: true });
}

/** A client of its own for what must not be posted twice: it tries nothing again, and tells of a 429. See `postOnce`. */
export function createPosting(token: string, config: Config, log: Logger): SlackApi {
  const options = apiOptions(config, log);
  return new webApi.WebClient(token, { ...options, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true });
}

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
