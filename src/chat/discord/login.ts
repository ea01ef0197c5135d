import {
  type Client,
  DiscordAPIError,
  DiscordjsError,
  DiscordjsErrorCodes,
  Events,
  GatewayCloseCodes,
  HTTPError,
} from 'discord.js';
import { unlessAborted } from '../../base/aborts.ts';
import { UserError } from '../../base/errors.ts';
import { networkCode, tokenRefused } from './errors.ts';

/** The gateway does not give a privileged intent that was asked for. */
export class RefusedIntent extends Error {
  override readonly name = 'RefusedIntent';
}

/**
 * Logs a client in; resolves when it knows its servers.
 * @param signal gives up, at any time
 * @throws RefusedIntent where the bot may not see what the client asks for
 * @throws UserError 'bad-config' where Discord does not take the token
 * @throws UserError 'busy' where Discord cannot be reached
 */
export async function logIn(client: Client, token: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let closeCode: number | undefined;
  client.on(Events.ShardDisconnect, ({ code }) => {
    closeCode = code;
  });
  try {
    await unlessAborted(untilReady(client, token, signal), signal);
  } catch (error) {
    if (closeCode === GatewayCloseCodes.DisallowedIntents) throw new RefusedIntent('Discord refuses an intent');
    throw inWords(error, closeCode);
  }
}

/** A client that has been given up by the time that it is in leaves again. */
async function untilReady(client: Client, token: string, signal: AbortSignal): Promise<void> {
  const ready = new Promise<void>((done) => client.once(Events.ClientReady, () => done()));
  // A login that fails leaves by itself. One under way cannot be called off: it would connect after `destroy`.
  await client.login(token);
  const leave = () => {
    client.destroy().catch((error: Error) => client.emit(Events.Error, error));
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  await ready;
  signal.removeEventListener('abort', leave);
}

/** What keeps the bot from Discord, in words where it is something that a person can put right. */
export function inWords(error: unknown, closeCode?: number): unknown {
  const isInvalid = error instanceof DiscordjsError && error.code === DiscordjsErrorCodes.TokenInvalid;
  const isRefused = error instanceof DiscordAPIError && error.status === 401;
  if (isInvalid || isRefused || closeCode === GatewayCloseCodes.AuthenticationFailed) {
    return tokenRefused();
  }
  const why = error instanceof HTTPError ? `status ${error.status}` : networkCode(error);
  if (why === undefined) return error;
  return new UserError('busy', `Discord cannot be reached (${why}). Is this machine online?`, {
    cause: error,
  });
}
