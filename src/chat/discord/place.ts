import { randomBytes } from 'node:crypto';
import type { Message, SendableChannels } from 'discord.js';
import type { Channel, Posted, Reply } from '../../../commands/request.ts';
import { UserError } from '../../base/errors.ts';
import { type DiscordAttachment, picturesOf } from './attachment.ts';
import type { Desk } from './desk.ts';
import { lacksPermission, mayNotRefer } from './errors.ts';
import { deliver, type Outgoing, uploadBytes } from './outgoing.ts';
import { mayReadBack, missingInWords } from './permissions.ts';
import { toPosted } from './posted.ts';

/** Messages that are looked through for the latest picture: as many as one call gives. */
const LOOK_BACK = 100;

/** Largest file that a channel takes, in bytes. */
export function uploadBytesOf(channel: SendableChannels): number {
  return uploadBytes(channel.isDMBased() ? null : channel.guild);
}

/** A channel as commands see it. */
export function toChannel(channel: SendableChannels, askedBy: string): Channel {
  return {
    id: channel.id,
    isDirect: channel.isDMBased(),
    ...(channel.isThread() && channel.parentId !== null && { settingsId: channel.parentId }),
    post: (reply) => say(channel, reply, { askedBy }),
  };
}

/**
 * Sends a reply to a channel as an ordinary message.
 * @param options.to the message that is answered; it must still be there
 */
export async function say(
  channel: SendableChannels,
  reply: Reply,
  options: { readonly askedBy: string; readonly to?: Message },
): Promise<Posted> {
  const terms = { askedBy: options.askedBy, uploadBytes: uploadBytesOf(channel) };
  const sent = await deliver(reply, terms, (outgoing, part) =>
    send(channel, outgoing, part === 0 ? options.to : undefined),
  );
  return toPosted(sent, terms);
}

/** As `say`; where the channel takes no files, the words alone and why there is no picture. */
export async function sayWhatIsAllowed(
  channel: SendableChannels,
  reply: Reply,
  options: { readonly askedBy: string; readonly to?: Message },
): Promise<Posted> {
  try {
    return await say(channel, reply, options);
  } catch (error) {
    if (!lacksPermission(error) || !reply.pictures?.length) throw error;
    const why = `I cannot attach the picture here: I lack the permission ${missingInWords(channel)}.`;
    const { card, pictures, ...rest } = reply;
    return await say(channel, { ...rest, text: `${reply.text}\n${why}` }, options);
  }
}

async function send(channel: SendableChannels, outgoing: Outgoing, to?: Message): Promise<Message> {
  // A request that is tried again after a server's error must not post twice: Discord drops a second one of the same nonce.
  const options = { ...outgoing, nonce: randomBytes(12).toString('hex'), enforceNonce: true };
  if (to === undefined) return await channel.send(options);
  const reply = { messageReference: to.id, failIfNotExists: true };
  try {
    return await channel.send({ ...options, reply });
  } catch (error) {
    if (!mayNotRefer(error)) throw error;
    return await channel.send(options);
  }
}

/**
 * The pictures that people posted last in a channel, newest first.
 * @param options.before only messages older than the one of this id
 * @throws UserError 'not-allowed' where the bot may not read the channel, 'no-picture' where it may not see pictures
 */
export async function latestPictures(
  desk: Desk,
  channel: SendableChannels,
  options: { readonly limit: number; readonly before?: string },
): Promise<DiscordAttachment[]> {
  const messages = await readBack(channel, options.before);
  const pictures = messages
    .filter((message) => !isFromABot(message))
    .flatMap((message) => picturesOf(message, desk.config).reverse())
    .slice(0, options.limit);
  // Discord hides what the bot may not see, instead of refusing: an empty channel and a closed one look the same.
  if (pictures.length === 0 && !mayReadBack(channel)) throw cannotLook(channel);
  if (pictures.length === 0 && !desk.seesEverything && !channel.isDMBased()) {
    throw new UserError(
      'no-picture',
      'I may not look for pictures here. Give me one with the option image, or choose Apps > Read emotions on its message.',
    );
  }
  return pictures;
}

/** Whether a program wrote a message: the bot itself, another, or a webhook. */
export function isFromABot(message: Message): boolean {
  return message.author.bot || message.webhookId !== null;
}

async function readBack(channel: SendableChannels, before?: string): Promise<Message[]> {
  try {
    const page = await channel.messages.fetch({ limit: LOOK_BACK, cache: false, ...(before && { before }) });
    return [...page.values()].sort((a, b) => b.createdTimestamp - a.createdTimestamp);
  } catch (error) {
    if (lacksPermission(error)) throw cannotLook(channel, error);
    throw error;
  }
}

function cannotLook(channel: SendableChannels, cause?: unknown): UserError {
  return new UserError(
    'not-allowed',
    `I cannot look for pictures here: I lack the permission ${missingInWords(channel)}. Give me one with the option image.`,
    { cause },
  );
}
