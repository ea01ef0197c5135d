import type { Message, SendableChannels } from 'discord.js';
import type { Posted, Reply, Request } from '../../../commands/request.ts';
import { DiscordAttachment, picturesOf } from './attachment.ts';
import { type Desk, isOperatorAt } from './desk.ts';
import { isGone, lacksPermission } from './errors.ts';
import { isAdmin } from './permissions.ts';
import { isFromABot, latestPictures, sayWhatIsAllowed, toChannel } from './place.ts';
import { NOBODY_SAW } from './posted.ts';
import type { Typing } from './typing.ts';

/** Whether a message is spoken to the bot: written to it alone, or with its name in the text. */
export function isAddressed(message: Message): boolean {
  // A reply to one of its answers mentions it too, in a list, but says nothing to it.
  const name = new RegExp(`<@!?${message.client.user.id}>`);
  return message.channel.isDMBased() || name.test(message.content);
}

/** Whether a message is one that the bot answers: a person's, with pictures or spoken to it. */
export function isForTheBot(message: Message, desk: Desk): boolean {
  if (isFromABot(message) || message.system || !message.channel.isSendable()) return false;
  return isAddressed(message) || picturesOf(message, desk.config).length > 0;
}

/**
 * The pictures that a message is about: its own; where it has none and speaks to the bot, those of the message that it
 * replies to, unless those are the bot's own.
 */
function picturesAskedFor(message: Message, desk: Desk): DiscordAttachment[] {
  const own = picturesOf(message, desk.config);
  const { messageId } = message.reference ?? {};
  if (own.length > 0 || messageId === undefined || !isAddressed(message)) return own;
  // Discord sends the message that a reply is to along with it.
  const original = message.channel.messages.cache.get(messageId);
  return original && original.author.id !== message.client.user.id ? picturesOf(original, desk.config) : [];
}

/**
 * An ordinary message as a request; its answers reply to it.
 * @param typing shows that the bot is writing, until the next answer
 */
export function messageRequest(message: Message, desk: Desk, typing: Typing, signal: AbortSignal): Request {
  const channel = message.channel as SendableChannels;
  const isAdminHere = async () => isAdmin(message.member?.permissions);
  return {
    platform: 'discord',
    id: message.id,
    asked: isAddressed(message),
    attachments: picturesAskedFor(message, desk),
    user: {
      id: message.author.id,
      name: message.member?.displayName ?? message.author.displayName,
      isAdmin: isAdminHere,
      isOperator: () => isOperatorAt(desk, message.guildId, isAdminHere),
    },
    channel: toChannel(channel, message.author.id),
    signal,
    latestImages: (limit) => latestPictures(desk, channel, { limit, before: message.id }),
    reply: (reply) => {
      typing.stop();
      return answer(message, channel, reply, desk);
    },
    progress: async () => typing.start(channel),
  };
}

async function answer(message: Message, channel: SendableChannels, reply: Reply, desk: Desk): Promise<Posted> {
  if (desk.sources.isRemoved(message.id)) return NOBODY_SAW;
  try {
    const posted = await sayWhatIsAllowed(channel, reply, { askedBy: message.author.id, to: message });
    await desk.sources.said(message.id, posted);
    const source = reply.about instanceof DiscordAttachment ? reply.about.source?.messageId : undefined;
    if (source !== undefined && source !== message.id) await desk.sources.said(source, posted);
    return posted;
  } catch (error) {
    if (isGone(error)) {
      await desk.sources.remove(message.id);
      return NOBODY_SAW;
    }
    if (!lacksPermission(error)) throw error;
    await desk.refusals.explain(message.author, channel);
    return NOBODY_SAW;
  }
}
