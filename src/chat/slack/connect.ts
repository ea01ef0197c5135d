import { App, AuthorizationError } from '@slack/bolt';
import { boltLogger } from './api.ts';
import type { SlackShared } from './context.ts';
import { NotNow } from './errors.ts';
import type { Intake } from './intake.ts';
import { listenToCommands } from './listeners/commands.ts';
import { leaveWhileStopping, listenToMessages, noteMessage } from './listeners/messages.ts';
import { listenToOpinions } from './listeners/right.ts';
import { listenToUninstalls } from './listeners/uninstalls.ts';
import { ManyWorkspaces } from './many-workspaces.ts';
import { given, type Source, type Workspaces } from './workspaces.ts';

/**
 * Connects to Slack.
 * @returns how Slack reaches the bot, in words
 */
export async function connect(shared: SlackShared, workspaces: Workspaces, intake: Intake): Promise<string> {
  const { log } = shared;
  const { installer, receiver } = intake;
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
  leaveWhileStopping(app, shared.session);
  listenToMessages(app);
  listenToCommands(app, shared.commands);
  if (workspaces instanceof ManyWorkspaces) listenToUninstalls(app, workspaces);
  listenToOpinions(app);
  return await intake.start();
}
