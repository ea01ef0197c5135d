import { type Logger as BoltLogger, LogLevel, webApi } from '@slack/bolt';
import { UserError } from '../../base/errors.ts';
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

/** Seconds until Slack takes a call like the one that it has just turned down; undefined where that is not why it failed. */
export function rateLimitOf(error: unknown): number | undefined {
  return error instanceof webApi.WebAPIRateLimitedError ? error.retryAfter : undefined;
}

/** Slack's word for why a call failed, e.g. 'not_in_channel'; undefined where it failed otherwise. */
export function slackCode(error: unknown): string | undefined {
  return dataOf(error)?.error;
}

function dataOf(error: unknown): { readonly error?: string; readonly needed?: string } | undefined {
  if (!(error instanceof Error) || !('data' in error)) return undefined;
  const { data } = error;
  return typeof data === 'object' && data !== null ? data : undefined;
}

/** What is not there any more: where it should be removed or changed, nothing is left to do. */
const GONE = ['message_not_found', 'file_not_found', 'file_deleted', 'thread_not_found', 'channel_not_found'];
/** Somebody has closed the channel to the bot. */
const CLOSED = ['not_in_channel', 'channel_not_found', 'is_archived', 'cannot_reply_to_message', 'thread_locked'];

export function isGone(error: unknown): boolean {
  return GONE.includes(slackCode(error) ?? '');
}

export function isClosed(error: unknown): boolean {
  const code = slackCode(error) ?? '';
  return CLOSED.includes(code) || code.startsWith('restricted_action');
}

/**
 * A refusal of Slack's that a person can put right, in words; any other error as it is.
 * @param botName how the bot is invited
 */
export function inWords(error: unknown, botName: string): unknown {
  const refuse = (sentence: string) => new UserError('not-allowed', sentence, { cause: error });
  const seconds = rateLimitOf(error);
  if (seconds !== undefined) {
    return new UserError(
      'busy',
      `Slack lets me look for earlier messages only so often. Ask again in ${seconds} seconds, or post the picture again.`,
      { cause: error },
    );
  }
  const code = slackCode(error) ?? '';
  switch (code) {
    case 'not_in_channel':
    case 'channel_not_found':
      return refuse(`I am not in this channel. Type /invite @${botName} here, then ask again.`);
    case 'missing_scope': {
      const needed = dataOf(error)?.needed ?? 'unknown';
      return refuse(
        `My app lacks the permission ${needed}. Whoever manages it adds that on its page "OAuth & Permissions" and installs it again.`,
      );
    }
    case 'is_archived':
      return refuse('This channel is archived, so I cannot write here.');
    case 'thread_locked':
    case 'cannot_reply_to_message':
      return refuse('I am not allowed to answer in this thread.');
    case 'file_not_found':
    case 'file_deleted':
      return new UserError('not-found', 'That picture has been removed. Post it again.', { cause: error });
    default:
      return code.startsWith('restricted_action') ? refuse('I am not allowed to write in this channel.') : error;
  }
}

/** Runs a call, its refusals in words. */
export async function inSlackWords<T>(botName: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw inWords(error, botName);
  }
}

/** Runs a call that removes or changes something. @returns false where that is gone already */
export async function unlessGone(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
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
