import {
  type Client,
  DiscordAPIError,
  DiscordjsError,
  DiscordjsErrorCodes,
  Events,
  GatewayCloseCodes,
  HTTPError,
  RateLimitError,
} from 'discord.js';
import { unlessAborted } from '../../base/aborts.ts';
import { UserError } from '../../base/errors.ts';
import { checkTokenForm, isOutOfReach, networkCode, tokenRefused } from './errors.ts';

/** The gateway refuses a privileged intent that the client asked for. */
export class RefusedIntent extends Error {
  override readonly name = 'RefusedIntent';
}

/**
 * Logs a client in. Resolves when it knows its servers.
 * @param signal gives up; may fire at any time
 * @throws RefusedIntent where Discord does not grant an intent that the client asks for
 * @throws UserError 'bad-config' where the token is none, or Discord does not accept it
 * @throws UserError 'busy' where Discord cannot be reached
 */
export async function logIn(client: Client, token: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  checkTokenForm(token);
  let closeCode: number | undefined;
  client.on(Events.ShardDisconnect, ({ code }) => {
    closeCode = code;
  });
  try {
    await unlessAborted(untilReady(client, token, signal), signal);
  } catch (error) {
    if (closeCode === GatewayCloseCodes.DisallowedIntents) throw new RefusedIntent('Discord refuses an intent');
    throw explainConnection(error, closeCode);
  }
}

/** Waits until a client is ready. If the signal fires before that, the client is destroyed after its login. */
async function untilReady(client: Client, token: string, signal: AbortSignal): Promise<void> {
  const ready = new Promise<void>((done) => client.once(Events.ClientReady, () => done()));
  // A login that fails cleans up by itself. A running one cannot be cancelled: after `destroy` it would still connect.
  await client.login(token);
  const leave = () => {
    client.destroy().catch((error: Error) => client.emit(Events.Error, error));
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  await ready;
  signal.removeEventListener('abort', leave);
}

/** Turns an error of connecting into a UserError where a person can put it right; returns other errors as they are. */
export function explainConnection(error: unknown, closeCode?: number): unknown {
  const isInvalid = error instanceof DiscordjsError && error.code === DiscordjsErrorCodes.TokenInvalid;
  const isRefused = error instanceof DiscordAPIError && error.status === 401;
  if (isInvalid || isRefused || closeCode === GatewayCloseCodes.AuthenticationFailed) {
    return tokenRefused();
  }
  if (!(error instanceof HTTPError) && !isOutOfReach(error)) return error;
  const why = whyOutOfReach(error);
  return new UserError('busy', `Discord cannot be reached (${why}). Is this machine online?`, {
    cause: error,
  });
}

function whyOutOfReach(error: unknown): string {
  if (error instanceof HTTPError) return `status ${error.status}`;
  if (error instanceof RateLimitError) return 'it asks for a pause';
  return networkCode(error) ?? 'no answer in time';
}
