import { App, AuthorizationError } from '@slack/bolt';
import { boltLogger } from './api.ts';
import type { SlackShared } from './context.ts';
import { NotNow } from './errors.ts';
import type { Intake } from './intake.ts';
import { noteMessage } from './listeners/messages.ts';
import { authorized, type Source, type Workspaces } from './workspaces.ts';

/** Creates the library's app, without listeners yet. It passes each event's workspace on to the listeners. */
export function createApp({ log }: SlackShared, workspaces: Workspaces, { installer, receiver }: Intake): App {
  // The library gets no token: with one it would ask Slack for its owner again, and end the process if that fails. The bot uses no
  // function of the library that needs it. The library calls this before it acknowledges an event.
  const authorize = async (source: Source, body?: object) => {
    const workspace = await workspaces.of(source, body !== undefined && 'event' in body);
    if (body) await noteMessage(body, workspace);
    return authorized(workspace);
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
    log.error({ platform: 'slack', err }, 'an event could not be handled');
  });
  return app;
}
