import type { App } from '@slack/bolt';
import type { CommandRegistry } from '../../../../commands/registry.ts';
import { notYours } from '../../rights.ts';
import { knownPicturesOf, type SlackMessage, sourceOf } from '../attachment.ts';
import { withExplainedErrors } from '../errors.ts';
import { READ_EMOTIONS, slackText, slashName, takeBack } from '../outgoing.ts';
import { commandJobOf } from '../posted.ts';
import { parseRemoveState, REMOVE } from '../remove-button.ts';
import { beginInquiry } from '../request.ts';
import { workspaceOf } from '../workspaces.ts';

type Respond = (message: { text: string; response_type: 'ephemeral'; replace_original: false }) => Promise<unknown>;

/** Answers slash commands, the message shortcut and the Remove button. */
export function listenToCommands(app: App, commands: CommandRegistry): void {
  for (const { name } of commands.list()) {
    app.command(slashName(name), async ({ ack, command, context: boltContext, respond }) => {
      await ack();
      const context = workspaceOf(boltContext);
      if (!context.session.claim(`trigger:${command.trigger_id}`)) return;
      beginInquiry(context, {
        userId: command.user_id,
        channel: command.channel_id,
        command: { name, input: command.text ?? '' },
        job: commandJobOf(command.channel_id, undefined, context),
        respond: toAsker(respond),
      });
    });
  }
  app.shortcut(
    { callback_id: READ_EMOTIONS, type: 'message_action' },
    async ({ ack, shortcut, context: boltContext, respond }) => {
      await ack();
      const context = workspaceOf(boltContext);
      if (!context.session.claim(`trigger:${shortcut.trigger_id}`)) return;
      const message = shortcut.message as SlackMessage;
      const source = sourceOf(shortcut.channel.id, message);
      const pictures = await knownPicturesOf(message, context, true);
      beginInquiry(context, {
        userId: shortcut.user.id,
        channel: shortcut.channel.id,
        ...(source && { thread: source.thread }),
        message,
        pictures,
        // Without a picture no command is given: it would read the latest picture of the channel.
        ...(pictures.length > 0 && { command: { name: 'emotions', input: {} } }),
        job: commandJobOf(shortcut.channel.id, message, context),
        asked: true,
        respond: toAsker(respond),
      });
    },
  );
  app.action(
    { action_id: REMOVE, type: 'block_actions' },
    async ({ ack, body, action, context: boltContext, respond }) => {
      await ack();
      const context = workspaceOf(boltContext);
      if (!context.session.claim(`trigger:${body.trigger_id}`)) return;
      const state = parseRemoveState('value' in action ? action.value : undefined);
      const channel = body.channel?.id;
      if (state === undefined || channel === undefined) return;
      if (!(await context.people.mayRemove(channel, body.user.id, state))) {
        await toAsker(respond)(notYours('remove it'));
        return;
      }
      try {
        await withExplainedErrors(context.me.name, () => takeBack(context, channel, state, body.message?.ts));
      } catch (error) {
        context.log.error({ platform: 'slack', err: error }, 'an answer could not be removed');
        await toAsker(respond)('I could not remove all of it. Try again in a minute.');
      }
    },
  );
}

/** A function that sends a text that only the asker sees. */
export function toAsker(respond: unknown): (text: string) => Promise<void> {
  return async (text) => {
    await (respond as Respond)({ text: slackText(text), response_type: 'ephemeral', replace_original: false });
  };
}
