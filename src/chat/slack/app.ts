import { App, AuthorizationError } from '@slack/bolt';
import { boltLogger } from './api.ts';
import type { SlackShared } from './context.ts';
import { NotNow } from './errors.ts';
import type { Intake } from './intake.ts';
import { noteMessage } from './listeners/messages.ts';
import { authorized, type Source, type Workspaces } from './workspaces.ts';

/** Milliseconds for telling somebody to try again. */
const RESPOND_MS = 10_000;

/** Thrown for a command that cannot be taken, and that whoever gave it has been told so. The library then acknowledges it. */
class ToldToTryAgain extends Error {
  override readonly name = 'ToldToTryAgain';
}

/** Creates the library's app, without listeners yet. It passes each event's workspace on to the listeners. */
export function createApp({ log }: SlackShared, workspaces: Workspaces, { installer, receiver }: Intake): App {
  // The library gets no token: with one it would ask Slack for its owner again, and end the process if that fails. The bot uses no
  // function of the library that needs it. The library calls this before it acknowledges an event.
  const authorize = async (source: Source, body?: object) => {
    const workspace = await workspaces
      .of(source, body !== undefined && 'event' in body)
      .catch((error: unknown) => refuse(error, body));
    if (body) await noteMessage(body, workspace);
    return authorized(workspace);
  };
  const refuse = (error: unknown, body: object | undefined): never => {
    const address = error instanceof NotNow && body ? responseUrlOf(body) : undefined;
    if (address === undefined) throw error;
    // The acknowledgement does not wait for this: Slack gives up after three seconds.
    tellToTryAgain(address).catch((err: unknown) => {
      log.warn({ platform: 'slack', err }, 'nobody could be told to try again');
    });
    throw new ToldToTryAgain('a command comes from a workspace that cannot be looked up', { cause: error });
  };
  // If the library installs the bot, it asks only its own installer to authorize events.
  if (installer !== undefined) installer.authorize = authorize;
  const app = new App({
    receiver,
    ...(installer === undefined && { authorize }),
    logger: boltLogger(log),
    convoStore: false,
    // The events of the bot's own uploads say which messages they are in. All its other events are ignored.
    ignoreSelf: false,
  });
  app.error(async (error) => {
    const err = error instanceof AuthorizationError ? error.original : error;
    if (err instanceof NotNow) throw err;
    if (err instanceof ToldToTryAgain) return log.warn({ platform: 'slack', err }, 'somebody was told to try again');
    log.error({ platform: 'slack', err }, 'an event could not be handled');
  });
  return app;
}

/**
 * Where the answer to a command, shortcut or button may be sent without a token. Undefined for events, which Slack sends again, and for
 * a window that somebody has filled in: it stays open as long as it is not acknowledged.
 */
function responseUrlOf(body: object): string | undefined {
  return 'response_url' in body && typeof body.response_url === 'string' ? body.response_url : undefined;
}

async function tellToTryAgain(address: string): Promise<void> {
  const text = 'I cannot read what I have stored at the moment. Try again in a minute.';
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, response_type: 'ephemeral', replace_original: false }),
    signal: AbortSignal.timeout(RESPOND_MS),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`Slack answered with status ${answer.status}`);
}
