import { UserError } from '../../base/errors.ts';

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
export async function said<T>(botName: string, call: () => Promise<T>): Promise<T> {
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
