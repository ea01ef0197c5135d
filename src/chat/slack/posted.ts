import { randomUUID } from 'node:crypto';
import { commandBesidePictures, commandIn, readsPictures } from '../../../commands/registry.ts';
import type { Job } from '../../work/journal.ts';
import {
  filesOf,
  knownPicturesOf,
  type MessageEvent,
  picturesOf,
  type SlackMessage,
  type SlackPicture,
} from './attachment.ts';
import type { SlackContext } from './context.ts';
import { slashName } from './outgoing.ts';
import { isDirect } from './people.ts';
import type { SlackInquiry } from './request.ts';
import { channelParts, fullChannelId } from './workspaces.ts';

/** Subtypes of messages that people write. All others are from Slack or from apps. */
const WRITTEN = [undefined, 'file_share', 'thread_broadcast'];

/** A message that somebody has written. */
export type Written = MessageEvent & { readonly ts: string; readonly user: string };

/** Whether the bot handles a message: it must be from a person, as far as the message tells, and have pictures or address the bot. */
export function isForTheBot(message: MessageEvent, context: SlackContext): message is Written {
  if (!WRITTEN.includes(message.subtype) || message.ts === undefined || message.user === undefined) return false;
  // A bot's message may have no bot_id, so the bot's own user id is checked too.
  if (message.bot_id !== undefined || message.user === context.me.userId) return false;
  return picturesOf(message).length > 0 || isAddressed(message, context);
}

function isAddressed(message: MessageEvent, context: SlackContext): boolean {
  return isDirect(message.channel) || textWithoutName(message, context) !== (message.text ?? '');
}

/** A message's text without mentions of the bot. Some clients and programs put the bot's name into the mention, beside its id. */
function textWithoutName({ text }: SlackMessage, { me }: SlackContext): string {
  return (text ?? '').replaceAll(new RegExp(`<@${me.userId}(\\|[^>]*)?>`, 'g'), ' ');
}

/**
 * Turns a message into an inquiry.
 * @param choose chooses the pictures to read; not called where the message names a command that reads none
 * @param options.picturesAlone true where somebody asked about its pictures, so that its text does not matter
 * @returns undefined where the message asks for nothing
 */
export async function inquiryOf(
  message: Written,
  context: SlackContext,
  choose: (pictures: readonly SlackPicture[], asked: boolean) => readonly SlackPicture[],
  { picturesAlone = false } = {},
): Promise<SlackInquiry | undefined> {
  const { channel, ts, user } = message;
  if (await context.people.isBot(user)) return undefined;
  const asked = isAddressed(message, context);
  const all = await knownPicturesOf(message, context, asked);
  const command = asked && !picturesAlone ? commandOf(message, all.length > 0, context) : undefined;
  const pictures = readsPictures(command) ? choose(all, asked) : [];
  if (pictures.length === 0 && !asked) return undefined;
  const thread = message.thread_ts ?? ts;
  const job = jobOf(channel, message, context);
  return {
    userId: user,
    channel,
    thread,
    message,
    pictures,
    job,
    ...(command && { command }),
    ...(asked && { asked }),
  };
}

/** A message's text as it was typed: in a message, Slack escapes three characters. */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** The command that a message to the bot names. @returns undefined where the message is about its own files */
function commandOf(message: SlackMessage, hasPictures: boolean, context: SlackContext): SlackInquiry['command'] {
  const text = unescaped(textWithoutName(message, context));
  const find = hasPictures ? commandBesidePictures : commandIn;
  // A bare mention may also be about the message's files.
  if (text.trim() === '' && filesOf(message).length > 0) return undefined;
  return find(text, context.commands, (name) => slashName(name).slice(1));
}

/** The bot's account where it is in many workspaces. There is one for all, since the place of a job names the workspace then. */
export const ACCOUNT_OF_ALL = 'slack';

/** The name of the bot's account in the journal. */
export function accountOf({ me, place }: Pick<SlackContext, 'me' | 'place'>): string {
  return place === undefined ? `slack ${me.teamId} ${me.userId}` : ACCOUNT_OF_ALL;
}

/** Separates channel and thread in the place of a job; it occurs in neither id. */
const THREAD = '#';

/** The job for a message. Its place also names the thread, without which Slack cannot find the message again. */
export function jobOf(channel: string, message: SlackMessage & { readonly ts: string }, context: SlackContext): Job {
  const { ts, thread_ts: thread = ts } = message;
  const id = fullChannelId(context, channel);
  return {
    bot: accountOf(context),
    place: thread === ts ? id : `${id}${THREAD}${thread}`,
    message: ts,
    kind: 'posted',
    files: picturesOf(message).map(({ id: file }) => file),
    begun: Date.now(),
  };
}

/** The job for a command, or for a shortcut on a message. */
export function commandJobOf(channel: string, message: SlackMessage | undefined, context: SlackContext): Job {
  const id = randomUUID();
  const about = message?.ts;
  const common = { kind: 'command', message: id, files: [], begun: Date.now() } as const;
  if (!message || about === undefined) {
    return { bot: accountOf(context), place: fullChannelId(context, channel), ...common };
  }
  return { ...jobOf(channel, { ...message, ts: about }, context), ...common, about };
}

/** Where the message of a job is. */
export function placeOf({ place, message, about = message }: Job): {
  readonly workspace?: string;
  readonly channel: string;
  readonly thread: string;
} {
  const [id = place, thread = about] = place.split(THREAD);
  const { place: workspace, channel } = channelParts(id);
  return { ...(workspace !== undefined && { workspace }), channel, thread };
}
