import { type Logger as BoltLogger, LogLevel, webApi } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { isBegunElsewhere, isDeclined } from './errors.ts';

export type SlackApi = webApi.WebClient;

/**
 * How often a failed call is repeated, and after which pauses in milliseconds. After a 429 the client first waits as long as Slack says.
 */
export const RETRIES = { retries: 3, minTimeout: 300, maxTimeout: 5000, factor: 2 };
/** Milliseconds for one try of one call, uploads included. */
export const TIMEOUT_MS = 30_000;

/** Options of every client of Slack's Web API. Returns a new object each time, since the socket's client changes its own. */
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
 * A separate client for reading earlier messages. A 429 makes a client pause all its calls, and these calls often get one: an
 * app that is distributed without Slack's review may make only one a minute. This client throws instead of pausing.
 */
export function createLookBack(token: string, config: Config, log: Logger): SlackApi {
  return new webApi.WebClient(token, { ...apiOptions(config, log), rejectRateLimitedCalls: true });
}

/** A separate client for messages that must not be posted twice: it repeats no call, and throws on a 429. See `postOnce`. */
export function createPosting(token: string, config: Config, log: Logger): SlackApi {
  const options = apiOptions(config, log);
  return new webApi.WebClient(token, { ...options, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true });
}

function isStrangers(error: unknown): boolean {
  return isBegunElsewhere(error) || isDeclined(error);
}

/** Matches anything that looks like a Slack token, even one that the bot was never given. */
const TOKEN = /x(?:ox[a-z]|app)-[\w-]+/g;

/**
 * Lets Slack's library write to the bot's log. Nothing below 'info' is written: the library's debug lines contain people's
 * whole messages, and addresses with which anybody could post as the bot. What a stranger can bring about on the pages for installing
 * is a warning.
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
    error: (...parts) => write(parts.some(isStrangers) ? 'warn' : 'error')(...parts),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
