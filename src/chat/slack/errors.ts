import { webApi } from '@slack/bolt';
import { codeOf, UserError } from '../../base/errors.ts';
import { ROTATES } from '../../config-slack.ts';

/** Thrown for an event that is to be left unacknowledged, so that Slack sends it again. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
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
/** A token that Slack will never take again. */
const REVOKED = ['account_inactive', 'invalid_auth', 'not_authed', 'token_expired', 'token_revoked'];
/** Somebody has closed the channel to the bot. */
const CLOSED = ['not_in_channel', 'channel_not_found', 'is_archived', 'cannot_reply_to_message', 'thread_locked'];

export function isGone(error: unknown): boolean {
  return GONE.includes(slackCode(error) ?? '');
}

export function isRevoked(error: unknown): boolean {
  return REVOKED.includes(slackCode(error) ?? '');
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

/** Slack's words, and its library's, for calls that may succeed later, without anybody's doing. */
const OUT_OF_REACH = [
  'slack_webapi_request_error',
  'slack_webapi_http_error',
  'slack_webapi_rate_limited_error',
  'ratelimited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
];

/** What the library says where a call was told to wait again and again; it has no code. */
const TOLD_TO_WAIT = /^A rate limit was exceeded/;

/** Whether a call failed though Slack may have done it: it had no answer, or one that says nothing of that. */
export function mayHaveBeenDone(error: unknown): boolean {
  return ['slack_webapi_request_error', 'slack_webapi_http_error'].includes(codeOf(error) ?? '');
}

/** Whether Slack could not be reached, or failed, so that it is worth another try later. */
export function isOutOfReach(error: unknown): boolean {
  const code = slackCode(error) ?? codeOf(error) ?? '';
  return OUT_OF_REACH.includes(code) || (error instanceof Error && TOLD_TO_WAIT.test(error.message));
}

/**
 * Why Slack does not take a setting, in words; any other error as it is.
 * @param setting its name
 * @param expected what it must be
 */
export function settingRefused(error: unknown, setting: string, expected: string): unknown {
  const code = slackCode(error);
  if (isOutOfReach(error)) {
    const why = code === undefined ? '' : ` (${code})`;
    return new UserError('busy', `Slack cannot be reached${why}. Is this machine online?`, { cause: error });
  }
  if (code === 'token_expired') return new UserError('bad-config', `${setting} ${ROTATES}.`, { cause: error });
  if (code !== undefined)
    return new UserError('bad-config', `Slack refuses ${setting} (${code}). It must be ${expected}.`);
  return error;
}
