import { App, AuthorizationError } from '@slack/bolt';
import { boltLogger } from './api.ts';
import type { SlackShared } from './context.ts';
import { NotNow } from './errors.ts';
import type { Intake } from './intake.ts';
import { noteMessage } from './listeners/messages.ts';
import { given, type Source, type Workspaces } from './workspaces.ts';

/** The library's app, without a listener yet: it hands each event the workspace that it comes from. */
export function createApp({ log }: SlackShared, workspaces: Workspaces, { installer, receiver }: Intake): App {
  // No token: the library would ask for its owner once more, and end the process if that fails. Nothing that takes one is used.
  // Called before the library acknowledges an event.
  const authorize = async (source: Source, body?: object) => {
    const workspace = await workspaces.of(source);
    if (body) await noteMessage(body, workspace);
    return given(workspace);
  };
  // Where the library installs the bot, it asks its installer and nobody else.
  if (installer !== undefined) installer.authorize = authorize;
  const app = new App({
    receiver,
    ...(installer === undefined && { authorize }),
    logger: boltLogger(log),
    convoStore: false,
    // The events of the bot's own uploads say which messages they became; nothing else of its own is looked at.
    ignoreSelf: false,
  });
  app.error(async (error) => {
    const err = error instanceof AuthorizationError ? error.original : error;
    if (err instanceof NotNow) throw err;
    log.error({ platform: 'slack', err }, 'an event could not be handled');
  });
  return app;
}
