import type { App } from '@slack/bolt';
import type { ManyWorkspaces } from '../many-workspaces.ts';

/** Deletes what is stored of a workspace once it has removed the bot. */
export function listenToUninstalls(app: App, workspaces: ManyWorkspaces): void {
  app.event('app_uninstalled', async ({ context }) => {
    await workspaces.removed(context);
  });
  app.event('tokens_revoked', async ({ event, context }) => {
    // People's own tokens are not stored, so only the bot's matter.
    if (event.tokens.bot?.length) await workspaces.removed(context);
  });
  app.event('team_access_revoked', async ({ event }) => {
    for (const id of event.team_ids) await workspaces.left(id);
  });
}
