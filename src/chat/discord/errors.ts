import { RESTJSONErrorCodes as Code, DiscordAPIError, HTTPError, RateLimitError } from 'discord.js';
import { codeOf, UserError } from '../../base/errors.ts';

/** The error for an operator whose token Discord does not accept. */
export function tokenRefused(): UserError {
  return new UserError(
    'bad-config',
    'DISCORD_TOKEN is not accepted by Discord. Reset it at https://discord.com/developers/applications > Bot and copy the new one.',
  );
}

/**
 * Checks a token's form, which needs no connection: three parts in base64 for addresses, with full stops between them; the first one
 * is the bot's id, a number, as in Discord's example: https://discord.com/developers/docs/reference#authentication
 * @throws UserError 'bad-config' where it is no bot's token
 */
export function checkTokenForm(token: string): void {
  const [id = '', ...others] = token.split('.');
  const isNumber = /^\d+$/.test(Buffer.from(id, 'base64url').toString('latin1'));
  if (isNumber && others.length === 2 && !others.includes('')) return;
  throw new UserError(
    'bad-config',
    'DISCORD_TOKEN is no bot’s token: that has three parts with full stops between them, and the bot’s id is in the first one. Copy it at https://discord.com/developers/applications > Bot > Reset Token.',
  );
}

/** Whether Discord answered that the message, or the whole channel, is no longer there. */
export function isGone(error: unknown): boolean {
  return hasCode(error, Code.UnknownMessage, Code.UnknownChannel) || answersNothing(error);
}

/**
 * Whether the token of an interaction has expired. Discord accepts it for 15 minutes, or for 3 seconds if the bot has not acknowledged
 * it.
 */
export function isExpired(error: unknown): boolean {
  return hasCode(error, Code.UnknownInteraction, Code.InvalidWebhookToken, Code.UnknownWebhook);
}

/** Whether an interaction has been answered already. Another process with the same token did so, since this one answers only once. */
export function isTaken(error: unknown): boolean {
  return hasCode(error, Code.InteractionHasAlreadyBeenAcknowledged);
}

/** Whether the bot lacks the permission for what it tried in this channel. */
export function lacksPermission(error: unknown): boolean {
  return hasCode(error, Code.MissingPermissions, Code.MissingAccess);
}

/** Whether a thread is locked, so that only moderators may write in it. Discord answers with either code, also to a command there. */
export function isLocked(error: unknown): boolean {
  return hasCode(error, Code.ThreadLocked, Code.InvalidActionOnArchivedThread);
}

/** Whether the bot may write in this channel but may not reply to an earlier message. */
export function mayNotRefer(error: unknown): boolean {
  return hasCode(error, Code.CannotReplyWithoutPermissionToReadMessageHistory);
}

/** Whether a person accepts no direct messages from the bot. */
export function isUnreachable(error: unknown): boolean {
  return hasCode(error, Code.CannotSendMessagesToThisUser, Code.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds);
}

/** Whether a file was larger than the channel accepts. */
export function isTooLarge(error: unknown): boolean {
  // Discord's proxy answers with status 413 and no code where it did not even read the request.
  return hasCode(error, Code.RequestEntityTooLarge) || (error instanceof DiscordAPIError && error.status === 413);
}

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof DiscordAPIError && codes.includes(Number(error.code));
}

/** Whether a reply was refused because its message has been deleted. Discord reports that as a bad form body, with the reason inside. */
function answersNothing(error: unknown): boolean {
  return (
    hasCode(error, Code.InvalidFormBodyOrContentType) &&
    JSON.stringify((error as DiscordAPIError).rawError).includes('MESSAGE_REFERENCE_UNKNOWN_MESSAGE')
  );
}

/** The result of a call; undefined where what it asks for is gone, or the bot has no access to it. */
export async function unlessClosed<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isGone(error) || lacksPermission(error)) return undefined;
    throw error;
  }
}

/** Whether Discord could not be reached, failed, or asked for a longer pause than the bot waits. Another try later may work. */
export function isOutOfReach(error: unknown): boolean {
  const isServers = error instanceof HTTPError && error.status >= 500;
  return isServers || error instanceof RateLimitError || networkCode(error) !== undefined || isTimeout(error);
}

/** Whether the library gave up a call because no answer came in time. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** The system's error code of a failed connection, e.g. 'ENOTFOUND'; undefined for any other error. */
export function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  if (code !== undefined && /^(E[A-Z]+|EAI_[A-Z]+|UND_ERR_\w+)$/.test(code)) return code;
  return networkCode(error.cause);
}
