import type { ChatInputCommandInteraction, MessageContextMenuCommandInteraction } from 'discord.js';
import type { Channel, CommandInput, Request } from '../../../commands/request.ts';
import { DiscordAttachment, picturesOf } from './attachment.ts';
import { type Desk, isOperatorAt } from './desk.ts';
import type { CommandInteraction, InteractionAnswer } from './interaction-answer.ts';
import { isAdmin } from './permissions.ts';
import { latestPictures, toChannel } from './place.ts';

/** A slash command as a request. */
export function slashRequest(
  interaction: ChatInputCommandInteraction,
  desk: Desk,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Request {
  return {
    ...commonRequest(interaction, desk, answer, signal),
    command: { name: interaction.commandName, input: inputOf(interaction, desk) },
    attachments: [],
  };
}

/** 'Read emotions' in a message's menu as a request: the message's own pictures, whoever posted them. */
export function menuRequest(
  interaction: MessageContextMenuCommandInteraction,
  desk: Desk,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Request {
  return {
    ...commonRequest(interaction, desk, answer, signal),
    asked: true,
    attachments: picturesOf(interaction.targetMessage, desk.config),
  };
}

function commonRequest(
  interaction: CommandInteraction,
  desk: Desk,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Omit<Request, 'attachments'> {
  const { user, channel } = interaction;
  // Discord computes these for every interaction: they are true now, and in this channel.
  const isAdminHere = async () => isAdmin(interaction.memberPermissions);
  return {
    platform: 'discord',
    id: interaction.id,
    user: {
      id: user.id,
      name: user.displayName,
      isAdmin: isAdminHere,
      isOperator: () => isOperatorAt(desk, interaction.guildId, isAdminHere),
    },
    channel: channel?.isSendable() ? toChannel(channel, user.id) : unseenChannel(interaction),
    signal,
    latestImages: async (limit) => (channel?.isSendable() ? await latestPictures(desk, channel, { limit }) : []),
    reply: (reply) => answer.reply(reply),
    progress: (text) => answer.progress(text),
  };
}

/** A channel that the bot was asked in but cannot see: what it has to say beside its answers goes to the person. */
function unseenChannel(interaction: CommandInteraction): Channel {
  const { user, channelId, guildId, id } = interaction;
  return {
    id: channelId ?? id,
    isDirect: guildId === null,
    post: async (reply) => await toChannel(await user.createDM(), user.id).post(reply),
  };
}

function inputOf(interaction: ChatInputCommandInteraction, desk: Desk): CommandInput {
  return Object.fromEntries(
    interaction.options.data.map(({ name, value, attachment }) => [
      name,
      attachment ? new DiscordAttachment(attachment, desk.config) : value,
    ]),
  );
}
