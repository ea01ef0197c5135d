import { type ButtonInteraction, Events, type Interaction, MessageFlags } from 'discord.js';
import type { Request } from '../../../../commands/request.ts';
import { notYours } from '../../rights.ts';
import type { DiscordContext } from '../context.ts';
import { READ_EMOTIONS } from '../deploy.ts';
import { isExpired, isGone, isTaken } from '../errors.ts';
import { type CommandInteraction, InteractionAnswer } from '../interaction-answer.ts';
import { parseRemoveButton } from '../outgoing.ts';
import { mayRemove } from '../permissions.ts';
import { accountOf, menuRequest, slashRequest } from '../request.ts';
import { onRightButton, onRightChoice } from './was-it-right.ts';

/** Answers slash commands, the message menu, and the buttons under answers. */
export function listenToInteractions(context: DiscordContext): void {
  context.client.on(Events.InteractionCreate, (interaction) =>
    context.guard(() => onInteraction(interaction, context)),
  );
}

async function onInteraction(interaction: Interaction, context: DiscordContext): Promise<void> {
  if (!context.session.claim(`interaction:${interaction.id}`)) return;
  if (interaction.isButton()) {
    if (!(await onRightButton(interaction, context))) await onRemoveClick(interaction);
    return;
  }
  if (interaction.isStringSelectMenu()) return await onRightChoice(interaction, context);
  if (interaction.isChatInputCommand()) {
    begin(interaction, context, undefined, (answer, signal) => slashRequest(interaction, context, answer, signal));
  } else if (interaction.isMessageContextMenuCommand() && interaction.commandName === READ_EMOTIONS) {
    const { targetId } = interaction;
    begin(interaction, context, targetId, (answer, signal) => menuRequest(interaction, context, answer, signal));
  }
}

function begin(
  interaction: CommandInteraction,
  context: DiscordContext,
  message: string | undefined,
  toRequest: (answer: InteractionAnswer, signal: AbortSignal) => Request,
): void {
  let answer: InteractionAnswer | undefined;
  context.session.begin({
    channel: interaction.channelId ?? interaction.id,
    ...(message !== undefined && { message }),
    ...(interaction.channelId !== null && {
      job: {
        bot: accountOf(context),
        place: interaction.channelId,
        message: interaction.id,
        kind: 'command',
        ...(message !== undefined && { about: message }),
      },
    }),
    replyPrivately: (content) => interaction.reply({ content, flags: MessageFlags.Ephemeral }),
    toRequest: (signal) => {
      answer = new InteractionAnswer(interaction, context);
      return toRequest(answer, signal);
    },
    end: () => answer?.end(),
  });
}

/** Handles a click on Remove: deletes the message if the person may do that, else tells only them who may. */
async function onRemoveClick(interaction: ButtonInteraction): Promise<void> {
  const button = parseRemoveButton(interaction.customId);
  if (button === undefined) return;
  if (!mayRemove(interaction, button.people)) {
    await interaction.reply({
      content: notYours('remove it'),
      flags: MessageFlags.Ephemeral,
    });
    return;
  }
  try {
    await remove(interaction);
  } catch (error) {
    if (!isGone(error) && !isTaken(error)) throw error;
  }
}

async function remove(interaction: ButtonInteraction): Promise<void> {
  try {
    // The interaction comes first, since it also works in channels that the bot itself cannot see.
    await interaction.deferUpdate();
    await interaction.deleteReply();
  } catch (error) {
    if (!isExpired(error)) throw error;
    await interaction.message.delete();
  }
}
