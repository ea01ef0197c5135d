import { App } from '@slack/bolt';
import { boltLogger } from './api.ts';
import type { SlackContext } from './context.ts';
import type { Intake } from './intake.ts';
import { listenToCommands } from './listeners/commands.ts';
import { leaveMessagesWhileStopping, listenToMessages } from './listeners/messages.ts';

/**
 * Connects to Slack.
 * @returns how Slack reaches the bot, in words
 */
export async function connect(context: SlackContext, intake: Intake): Promise<string> {
  const { log, me, token } = context;
  const app = new App({
    receiver: intake.receiver,
    // Not the token itself: the library would ask for its owner once more, and end the process if that fails.
    authorize: async () => ({ botToken: token, botUserId: me.userId, ...(me.botId && { botId: me.botId }) }),
    logger: boltLogger(log),
    convoStore: false,
    // The events of the bot's own uploads say which messages they became; nothing else of its own is looked at.
    ignoreSelf: false,
  });
  app.error(async (err) => log.error({ platform: 'slack', err }, 'an event could not be handled'));
  leaveMessagesWhileStopping(app, context);
  listenToMessages(app, context);
  listenToCommands(app, context);
  return await intake.start();
}
