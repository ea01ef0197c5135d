import type {
  ChatInputCommandInteraction,
  Message,
  MessageContextMenuCommandInteraction,
  SendableChannels,
} from 'discord.js';
import { commandBesidePictures, commandIn, readsPictures } from '../../../commands/registry.ts';
import {
  type Channel,
  type CommandInput,
  NO_MESSAGE,
  type Posted,
  type Reply,
  type Request,
} from '../../../commands/request.ts';
import { ChatFailed } from '../../base/errors.ts';
import type { Inquiry } from '../inquiry.ts';
import { DiscordAttachment, hasPictures, picturesOf } from './attachment.ts';
import { isFromABot, latestPictures, mayNotLook, sayWhatIsAllowed, Typing, toChannel } from './channel.ts';
import { type DiscordContext, isOperatorAt } from './context.ts';
import { isGone, isLocked, isOutOfReach, lacksPermission } from './errors.ts';
import type { CommandInteraction, InteractionAnswer } from './interaction-answer.ts';
import { isAdmin } from './permissions.ts';

/** Whether a message addresses the bot: it is a direct message, or its text names the bot. */
export function isAddressed(message: Message): boolean {
  // A reply to one of the bot's answers mentions the bot in its list of mentions, but does not address it. So only the text counts.
  return message.channel.isDMBased() || textWithoutName(message) !== message.content;
}

function textWithoutName({ content, client, guild }: Message): string {
  // Discord creates a role for the bot and offers it for mentions under the same name.
  const role = guild?.roles.botRoleFor(client.user.id);
  const names = [`<@!?${client.user.id}>`, ...(role ? [`<@&${role.id}>`] : [])];
  return content.replaceAll(new RegExp(names.join('|'), 'g'), ' ');
}

/** Whether the bot answers a message: it must be from a person, and have pictures or address the bot. */
export function isForTheBot(message: Message): boolean {
  if (isFromABot(message) || message.system || !message.channel.isSendable()) return false;
  return isAddressed(message) || hasPictures(message, 'perhaps');
}

/**
 * The pictures that a message is about: its own, or those of the message that it replies to, where it has none and addresses
 * the bot.
 */
export function picturesAskedFor(message: Message, context: DiscordContext): DiscordAttachment[] {
  const own = picturesOf(message, context.config);
  const { messageId } = message.reference ?? {};
  if (own.length > 0 || messageId === undefined || !isAddressed(message)) return own;
  // Discord sends the original message along with a reply, so it is in the cache.
  const original = message.channel.messages.cache.get(messageId);
  return original ? picturesOf(original, context.config) : [];
}

/**
 * The command that a message names. A bare mention without pictures reads the latest picture.
 * @returns undefined where the message is about the pictures that it comes with, or does not address the bot
 */
function commandOf(message: Message, { commands }: DiscordContext): Request['command'] {
  if (!isAddressed(message)) return undefined;
  const text = textWithoutName(message);
  if (hasPictures(message, 'certainly')) return commandBesidePictures(text, commands);
  // A bare mention may also be about the message's files, or about the message that it replies to.
  const isBare = text.trim() === '';
  const hasMore = message.reference !== null || message.attachments.size > 0 || message.content === '';
  return isBare && hasMore ? undefined : commandIn(text, commands);
}

/**
 * Turns an ordinary message into an inquiry.
 * @param isOpen whether a picture is to be answered, by id; all are by default
 */
export function toInquiry(message: Message, context: DiscordContext, isOpen?: (picture: string) => boolean): Inquiry {
  const typing = new Typing(context.log);
  return {
    channel: message.channelId,
    message: message.id,
    job: { bot: accountOf(context), place: message.channelId, message: message.id, kind: 'posted' },
    // People who only post a picture have not asked the bot, and its replies may be switched off in the channel.
    ...(isAddressed(message) && {
      replyPrivately: (text) => context.refusals.writeTo(message.author, text, message.id),
    }),
    toRequest: (signal) => {
      const request = messageRequest(message, context, typing, signal);
      return isOpen ? { ...request, attachments: request.attachments.filter(({ id }) => isOpen(id)) } : request;
    },
    end: () => typing.stop(),
  };
}

/** The name of the bot's account in the journal. */
export function accountOf({ client }: DiscordContext): string {
  return `discord ${client.user.id}`;
}

/**
 * An ordinary message as a request; its answers reply to it.
 * @param typing shows that the bot is writing, until the next answer
 */
function messageRequest(message: Message, context: DiscordContext, typing: Typing, signal: AbortSignal): Request {
  const channel = message.channel as SendableChannels;
  const isAdminHere = async () => isAdmin(message.member?.permissions);
  const command = commandOf(message, context);
  let replies = 0;
  return {
    platform: 'discord',
    moving: 'gif',
    id: message.id,
    ...(command && { command }),
    asked: isAddressed(message),
    attachments: readsPictures(command) ? picturesAskedFor(message, context) : [],
    user: {
      id: message.author.id,
      displayName: async () => message.member?.displayName ?? message.author.displayName,
      isAdmin: isAdminHere,
      isOperator: () => isOperatorAt(context, message.guildId, isAdminHere),
    },
    channel: toChannel(channel, message.author.id),
    signal,
    latestImages: (limit) => latestPictures(context, channel, { limit, before: message.id }),
    reply: (reply) => {
      typing.stop();
      replies += 1;
      // Any other process that answers this message makes the same key, from the picture or from the number of the reply.
      const key = `${message.id} ${reply.about?.id ?? replies}`;
      return answer(message, channel, reply, key, context);
    },
    progress: async () => typing.start(channel),
  };
}

/** @throws ChatFailed where Discord failed, so that nobody knows whether the reply was posted */
async function answer(
  message: Message,
  channel: SendableChannels,
  reply: Reply,
  key: string,
  context: DiscordContext,
): Promise<Posted> {
  try {
    return await sayWhatIsAllowed(channel, reply, { askedBy: message.author.id, to: message, key });
  } catch (error) {
    if (isGone(error)) await context.session.removed(message.id);
    else if (!lacksPermission(error) && !isLocked(error)) throw isOutOfReach(error) ? new ChatFailed(error) : error;
    else await context.refusals.explain(message.author, channel, message.id, isAddressed(message), error);
    return NO_MESSAGE;
  }
}

/** A slash command as a request. */
export function slashRequest(
  interaction: ChatInputCommandInteraction,
  context: DiscordContext,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Request {
  return {
    ...commonRequest(interaction, context, answer, signal),
    command: { name: interaction.commandName, input: inputOf(interaction, context) },
    attachments: [],
  };
}

/** 'Read emotions' in a message's menu as a request about the message's own pictures, whoever posted them. */
export function menuRequest(
  interaction: MessageContextMenuCommandInteraction,
  context: DiscordContext,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Request {
  return {
    ...commonRequest(interaction, context, answer, signal),
    asked: true,
    attachments: picturesOf(interaction.targetMessage, context.config),
  };
}

function commonRequest(
  interaction: CommandInteraction,
  context: DiscordContext,
  answer: InteractionAnswer,
  signal: AbortSignal,
): Omit<Request, 'attachments'> {
  const { user, channel } = interaction;
  // Discord computes the permissions for every interaction, so they are up to date and hold for this channel.
  const isAdminHere = async () => isAdmin(interaction.memberPermissions);
  return {
    platform: 'discord',
    moving: 'gif',
    id: interaction.id,
    user: {
      id: user.id,
      displayName: async () => user.displayName,
      isAdmin: isAdminHere,
      isOperator: () => isOperatorAt(context, interaction.guildId, isAdminHere),
    },
    channel: channel?.isSendable() ? toChannel(channel, user.id) : unseenChannel(interaction),
    signal,
    latestImages: async (limit) => {
      // A person who installed the bot for themselves can use it in channels that the bot is not in.
      if (!channel?.isSendable()) throw mayNotLook();
      return await latestPictures(context, channel, { limit });
    },
    reply: (reply) => answer.reply(reply),
    progress: (text) => answer.progress(text),
  };
}

/** A channel that the bot was asked in but cannot see. Posts that are not answers go to the person in a direct message. */
function unseenChannel(interaction: CommandInteraction): Channel {
  const { user, channelId, guildId, id } = interaction;
  return {
    id: channelId ?? id,
    isDirect: guildId === null,
    post: async (reply) => await toChannel(await user.createDM(), user.id).post(reply),
  };
}

function inputOf(interaction: ChatInputCommandInteraction, context: DiscordContext): CommandInput {
  return Object.fromEntries(
    interaction.options.data.map(({ name, value, attachment }) => [
      name,
      attachment ? new DiscordAttachment(attachment, context.config) : value,
    ]),
  );
}
