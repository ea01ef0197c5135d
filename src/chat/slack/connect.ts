import { createApp } from './app.ts';
import type { SlackShared } from './context.ts';
import type { Intake } from './intake.ts';
import { listenToCommands } from './listeners/commands.ts';
import { leaveWhileStopping, listenToMessages } from './listeners/messages.ts';
import { listenToUninstalls } from './listeners/uninstalls.ts';
import { listenToOpinions } from './listeners/was-it-right.ts';
import { ManyWorkspaces } from './many-workspaces.ts';
import type { Workspaces } from './workspaces.ts';

/** Connects to Slack. @returns how Slack's events reach the bot, in words */
export async function connect(shared: SlackShared, workspaces: Workspaces, intake: Intake): Promise<string> {
  const app = createApp(shared, workspaces, intake);
  leaveWhileStopping(app, shared.session);
  listenToMessages(app);
  listenToCommands(app, shared.commands);
  if (workspaces instanceof ManyWorkspaces) listenToUninstalls(app, workspaces);
  listenToOpinions(app);
  return await intake.start();
}
