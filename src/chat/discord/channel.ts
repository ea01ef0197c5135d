import { randomUUID } from 'node:crypto';
import type { Message, SendableChannels } from 'discord.js';
import { cardText } from '../../../commands/photo-reply.ts';
import type { Channel, Posted, Reply } from '../../../commands/request.ts';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { untilDone } from '../until-done.ts';
import { type DiscordAttachment, picturesOf } from './attachment.ts';
import type { DiscordContext } from './context.ts';
import { isExpired, isGone, isOutOfReach, lacksPermission, mayNotRefer, unlessClosed } from './errors.ts';
import {
  type Delivery,
  deliver,
  layOut,
  MAX_PEOPLE_IN_MESSAGE,
  type Outgoing,
  onlyOnce,
  toOutgoing,
  uploadBytes,
} from './outgoing.ts';
import { mayReadBack, missingInWords } from './permissions.ts';

/** How many messages are searched for the latest picture: as many as one call returns. */
const LOOK_BACK = 100;

/** Largest file that a channel takes, in bytes. */
function uploadBytesOf(channel: SendableChannels): number {
  return uploadBytes(channel.isDMBased() ? null : channel.guild);
}

/** A channel as commands see it. */
export function toChannel(channel: SendableChannels, askedBy: string): Channel {
  return {
    id: channel.id,
    isDirect: channel.isDMBased(),
    ...(channel.isThread() && channel.parentId !== null && { settingsId: channel.parentId }),
    ...(!channel.isDMBased() && { home: channel.guildId }),
    post: (reply) => say(channel, reply, { askedBy }),
  };
}

/** How a reply is sent. */
interface SayOptions {
  readonly askedBy: string;
  /** The message that is answered; it must still be there. */
  readonly to?: Message;
  /** Identifies the reply: of several with the same key, Discord posts only the first. Unique by default. */
  readonly key?: string;
}

/** Sends a reply to a channel as an ordinary message. */
export async function say(channel: SendableChannels, reply: Reply, options: SayOptions): Promise<Posted> {
  const { askedBy, to, key = randomUUID() } = options;
  const delivery = { askedBy, uploadBytes: uploadBytesOf(channel) };
  const sent = await deliver(reply, delivery, (outgoing, part) =>
    send(channel, { ...outgoing, ...onlyOnce(`${key} ${part}`) }, part === 0 ? to : undefined),
  );
  return toPosted(sent, delivery);
}

/** Like `say`. Where the bot may not attach files, it sends the text alone and says why there is no picture. */
export async function sayWhatIsAllowed(channel: SendableChannels, reply: Reply, options: SayOptions): Promise<Posted> {
  try {
    return await say(channel, reply, options);
  } catch (error) {
    if (!lacksPermission(error) || !reply.pictures?.length) throw error;
    const why = `I cannot attach the picture here: I lack the permission ${missingInWords(channel)}.`;
    return await say(channel, withoutPictures(reply, why), options);
  }
}

/** A reply without its pictures. Of a crowd it lists as many people as fit into one message: its Remove button removes only that. */
function withoutPictures({ card, pictures, ...reply }: Reply, why: string): Reply {
  if (card === undefined) return { ...reply, text: `${reply.text}\n${why}` };
  const others = card.people.length - MAX_PEOPLE_IN_MESSAGE;
  const more = [others > 0 && `And ${others} more.`, card.more].filter(Boolean).join('\n');
  const people = card.people.slice(0, MAX_PEOPLE_IN_MESSAGE);
  return { ...reply, text: `${cardText({ ...card, people, more })}\n${why}` };
}

async function send(
  channel: SendableChannels,
  options: Outgoing & ReturnType<typeof onlyOnce>,
  to?: Message,
): Promise<Message> {
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
  context: DiscordContext,
  channel: SendableChannels,
  options: { readonly limit: number; readonly before?: string },
): Promise<DiscordAttachment[]> {
  const inChannel = await picturesAmong(await readBack(channel, options.before), context, options.limit);
  const pictures =
    inChannel.length > 0 ? inChannel : await picturesAmong(await firstOf(channel), context, options.limit);
  // Discord hides what the bot may not see, instead of refusing: an empty channel and a closed one look the same.
  if (pictures.length === 0 && !mayReadBack(channel)) throw cannotLook(channel);
  if (pictures.length === 0 && !context.seesEverything && !channel.isDMBased()) {
    throw mayNotLook();
  }
  return pictures;
}

async function picturesAmong(
  messages: readonly Message[],
  context: DiscordContext,
  limit: number,
): Promise<DiscordAttachment[]> {
  const candidates = messages
    .filter((message) => !isFromABot(message))
    .flatMap((message) => picturesOf(message, context.config).reverse())
    // Files that would have to be loaded to tell whether they are pictures are left out: that would be too many.
    .filter((picture) => picture.isPicture === undefined);
  const pictures: DiscordAttachment[] = [];
  for (const picture of candidates) {
    if (pictures.length === limit) break;
    if (!(await picture.isOwnAnswer?.())) pictures.push(picture);
  }
  return pictures;
}

/**
 * The message that a thread began with, if any. Discord shows it above the thread, but it is in the channel around it. That of a forum post
 * is in the post, perhaps behind more messages than are searched.
 */
async function firstOf(channel: SendableChannels): Promise<Message[]> {
  const first = channel.isThread() && (await unlessClosed(() => channel.fetchStarterMessage({ cache: false })));
  return first ? [first] : [];
}

/** The error for a person who asks for a picture where the bot is not allowed to see any. */
export function mayNotLook(): UserError {
  return new UserError(
    'no-picture',
    'I may not look for pictures here. Give me one with the option image, or choose Apps > Read emotions on its message.',
  );
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

/** Ways to change a sent message. */
export interface Changes {
  /** Replaces the whole content of a message. */
  edit(message: Message, outgoing: Outgoing): Promise<unknown>;
  remove(message: Message): Promise<unknown>;
}

/** Options of an edit that removes the message's earlier files. Returns a new list each time, since the library adds to it. */
export function withoutEarlierFiles(): { attachments: [] } {
  return { attachments: [] };
}

/** Changes a message by the bot's ordinary right over its own messages. */
export const OWN_MESSAGE: Changes = {
  edit: (message, outgoing) => message.edit({ ...outgoing, ...withoutEarlierFiles() }),
  remove: (message) => message.delete(),
};

/**
 * Messages that went out as one reply.
 * @param messages at least one; a reply whose text is too long for one message has several
 */
export function toPosted(
  messages: readonly [Message, ...Message[]],
  delivery: Delivery,
  changes: Changes = OWN_MESSAGE,
): Posted {
  const [first] = messages;
  return {
    id: first.id,
    update: async (reply: Reply) => {
      // An edit cannot insert further messages before those that came later, so text that does not fit is cut.
      const [text] = layOut(reply);
      const outgoing = await toOutgoing(reply, text!, delivery);
      return await unlessGone(() => changes.edit(first, outgoing));
    },
    remove: async () => {
      for (const message of messages) await unlessGone(() => untilDone(() => changes.remove(message), isOutOfReach));
    },
  };
}

async function unlessGone(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isGone(error) || isExpired(error)) return false;
    throw error;
  }
}

/** Milliseconds until typing is shown again; Discord shows it for 10 seconds. */
const AGAIN_MS = 8000;

/** Shows in a channel that the bot is at work. */
export class Typing {
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Shows it until `stop`. */
  start(channel: SendableChannels): void {
    if (this.#timer !== undefined) return;
    this.#show(channel);
    this.#timer = setInterval(() => this.#show(channel), AGAIN_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #show(channel: SendableChannels): void {
    channel.sendTyping().catch((error: unknown) => {
      // If something is wrong with the channel, sending the answer will report it.
      this.stop();
      this.#log.debug({ platform: 'discord', err: error }, 'typing could not be shown');
    });
  }
}
