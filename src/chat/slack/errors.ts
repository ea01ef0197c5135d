import { webApi } from '@slack/bolt';
import { codeOf, UserError } from '../../base/errors.ts';
import { ROTATES } from '../../config-slack.ts';

/** Thrown for an event that must stay unacknowledged, so that Slack sends it again. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
}

/** Seconds to wait where a call failed because of Slack's rate limit; undefined where it failed for another reason. */
export function rateLimitOf(error: unknown): number | undefined {
  return error instanceof webApi.WebAPIRateLimitedError ? error.retryAfter : undefined;
}

/** Slack's error code of a failed call, e.g. 'not_in_channel'; undefined where it failed otherwise. */
export function slackCode(error: unknown): string | undefined {
  return dataOf(error)?.error;
}

function dataOf(error: unknown): { readonly error?: string; readonly needed?: string } | undefined {
  if (!(error instanceof Error) || !('data' in error)) return undefined;
  const { data } = error;
  return typeof data === 'object' && data !== null ? data : undefined;
}

/** Codes for something that does not exist any more. If it should be removed or changed, nothing is left to do. */
const GONE = ['message_not_found', 'file_not_found', 'file_deleted', 'thread_not_found', 'channel_not_found'];
/** Codes for a token that Slack will never accept again. */
const REVOKED = ['account_inactive', 'invalid_auth', 'not_authed', 'token_expired', 'token_revoked'];
/** Codes for a channel that the bot may not write in. */
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
 * Turns a refusal of Slack's into a UserError where a person can put it right; returns other errors as they are.
 * @param botName the name that the bot is invited by
 */
export function explainSlackError(error: unknown, botName: string): unknown {
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
        `My app lacks the permission ${needed}. The person who manages it has to add that on its page "OAuth & Permissions" and install it again.`,
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

/** Runs a call, and throws its refusals as `explainSlackError` gives them. */
export async function withExplainedErrors<T>(botName: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explainSlackError(error, botName);
  }
}

/** Runs a call that removes or changes something. @returns false where that is already gone */
export async function unlessGone(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Slack's codes, and its library's, for a return from Slack's page for installing that did not begin at the bot's own, or is too old. */
const BEGUN_ELSEWHERE = [
  'slack_oauth_invalid_state',
  'slack_oauth_missing_state',
  'slack_oauth_missing_code',
  'invalid_code',
  'code_already_used',
];

/** Whether somebody came back from Slack's page for installing with a state or a code that is missing, invalid or too old. */
export function isBegunElsewhere(error: unknown): boolean {
  return BEGUN_ELSEWHERE.includes(slackCode(error) ?? codeOf(error) ?? '');
}

/** Whether somebody did not allow on Slack's page that the bot is installed. */
export function isDeclined(error: unknown): boolean {
  return codeOf(error) === 'slack_oauth_installer_authorization_error';
}

/** Error codes of Slack and of its library for calls that may succeed later, without anybody doing something about it. */
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

/** The library's message for a call that met the rate limit again and again. That error has no code. */
const TOLD_TO_WAIT = /^A rate limit was exceeded/;

/** Whether a call failed although Slack may have carried it out: there was no answer, or one that does not tell. */
export function mayHaveBeenDone(error: unknown): boolean {
  return ['slack_webapi_request_error', 'slack_webapi_http_error'].includes(codeOf(error) ?? '');
}

/** Whether Slack could not be reached, or failed. Another try later may work. */
export function isOutOfReach(error: unknown): boolean {
  const code = slackCode(error) ?? codeOf(error) ?? '';
  return OUT_OF_REACH.includes(code) || (error instanceof Error && TOLD_TO_WAIT.test(error.message));
}

/**
 * Turns Slack's refusal of a setting into a UserError; returns other errors as they are.
 * @param setting the setting's name
 * @param expected what the setting must be, in words
 */
export function settingRefused(error: unknown, setting: string, expected: string): unknown {
  const code = slackCode(error);
  const seconds = rateLimitOf(error);
  if (seconds !== undefined)
    return new UserError('busy', `Slack asks for a pause of ${seconds} seconds.`, { cause: error });
  if (isOutOfReach(error)) {
    const why = code === undefined ? '' : ` (${code})`;
    return new UserError('busy', `Slack cannot be reached${why}. Is this machine online?`, { cause: error });
  }
  if (code === 'token_expired') return new UserError('bad-config', `${setting} ${ROTATES}.`, { cause: error });
  if (code !== undefined)
    return new UserError('bad-config', `Slack refuses ${setting} (${code}). It must be ${expected}.`);
  return error;
}
