import { RESTJSONErrorCodes as Code, DiscordAPIError, HTTPError, RateLimitError } from 'discord.js';
import { codeOf, UserError } from '../../base/errors.ts';

/** What the operator is told where Discord does not take the token. */
export function tokenRefused(): UserError {
  return new UserError(
    'bad-config',
    'DISCORD_TOKEN is not accepted by Discord. Reset it at https://discord.com/developers/applications > Bot and copy the new one.',
  );
}

/** Whether Discord answered that the message, or the whole channel, is no longer there. */
export function isGone(error: unknown): boolean {
  return hasCode(error, Code.UnknownMessage, Code.UnknownChannel) || answersNothing(error);
}

/** Whether the token of an interaction has run out: Discord takes it for 15 minutes, and for 3 seconds if not acknowledged. */
export function isExpired(error: unknown): boolean {
  return hasCode(error, Code.UnknownInteraction, Code.InvalidWebhookToken, Code.UnknownWebhook);
}

/** Whether an interaction has had its first answer: from another process with the same token, since this one gives one only. */
export function isTaken(error: unknown): boolean {
  return hasCode(error, Code.InteractionHasAlreadyBeenAcknowledged);
}

/** Whether the bot may not do in this channel what it tried. */
export function lacksPermission(error: unknown): boolean {
  return hasCode(error, Code.MissingPermissions, Code.MissingAccess);
}

/** Whether the bot may write here but not refer to an earlier message. */
export function mayNotRefer(error: unknown): boolean {
  return hasCode(error, Code.CannotReplyWithoutPermissionToReadMessageHistory);
}

/** Whether a person takes no direct messages from the bot. */
export function isUnreachable(error: unknown): boolean {
  return hasCode(error, Code.CannotSendMessagesToThisUser);
}

/** Whether a file was larger than this place takes. */
export function isTooLarge(error: unknown): boolean {
  // Discord's proxy answers 413 without a code where not even the request was read.
  return hasCode(error, Code.RequestEntityTooLarge) || (error instanceof DiscordAPIError && error.status === 413);
}

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof DiscordAPIError && codes.includes(Number(error.code));
}

/** A reply to a message that has been deleted is refused as a bad form body, with the reason inside. */
function answersNothing(error: unknown): boolean {
  return (
    hasCode(error, Code.InvalidFormBodyOrContentType) &&
    JSON.stringify((error as DiscordAPIError).rawError).includes('MESSAGE_REFERENCE_UNKNOWN_MESSAGE')
  );
}

/** What a look finds; undefined where what it looks for is gone, or closed to the bot. */
export async function unlessClosed<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isGone(error) || lacksPermission(error)) return undefined;
    throw error;
  }
}

/** Whether Discord could not be reached, failed, or asked for a longer pause than is waited for: it is worth another try later. */
export function isOutOfReach(error: unknown): boolean {
  const isServers = error instanceof HTTPError && error.status >= 500;
  return isServers || error instanceof RateLimitError || networkCode(error) !== undefined || isTimeout(error);
}

/** The library gives up a call without an answer. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** The system's word for a connection that could not be made, e.g. 'ENOTFOUND'; undefined for any other error. */
export function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  if (code !== undefined && /^(E[A-Z]+|UND_ERR_\w+)$/.test(code)) return code;
  return networkCode(error.cause);
}
