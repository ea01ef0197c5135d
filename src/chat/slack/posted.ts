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
import type { SlackAsking } from './request.ts';
import { channelParts, fullChannelId } from './workspaces.ts';

/** Messages that people write; every other subtype is Slack's or an app's. */
const WRITTEN = [undefined, 'file_share', 'thread_broadcast'];

/** A message that somebody has written. */
export type Written = MessageEvent & { readonly ts: string; readonly user: string };

/** Whether a message is one that the bot looks at: a person's, as far as it tells by itself, with pictures or spoken to the bot. */
export function isForTheBot(message: MessageEvent, context: SlackContext): message is Written {
  if (!WRITTEN.includes(message.subtype) || message.ts === undefined || message.user === undefined) return false;
  // Not every bot's message has a bot_id.
  if (message.bot_id !== undefined || message.user === context.me.userId) return false;
  return picturesOf(message).length > 0 || isAddressed(message, context);
}

function isAddressed(message: MessageEvent, context: SlackContext): boolean {
  return isDirect(message.channel) || textWithoutName(message, context) !== (message.text ?? '');
}

/** What is said to the bot; some clients and programs send its name along with its id. */
function textWithoutName({ text }: SlackMessage, { me }: SlackContext): string {
  return (text ?? '').replaceAll(new RegExp(`<@${me.userId}(\\|[^>]*)?>`, 'g'), ' ');
}

/**
 * What a message asks.
 * @param choose which of its pictures are to be read; not asked where it names a command that reads none
 * @param options.picturesAlone whether somebody asked about its pictures, whatever it says itself
 * @returns undefined where it asks for nothing
 */
export async function askingOf(
  message: Written,
  context: SlackContext,
  choose: (pictures: readonly SlackPicture[], asked: boolean) => readonly SlackPicture[],
  { picturesAlone = false } = {},
): Promise<SlackAsking | undefined> {
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

/** The command that a message to the bot names. @returns undefined where it is about what it comes with */
function commandOf(message: SlackMessage, hasPictures: boolean, context: SlackContext): SlackAsking['command'] {
  const text = textWithoutName(message, context);
  const find = hasPictures ? commandBesidePictures : commandIn;
  // A mention without words may also speak of what it comes with.
  if (text.trim() === '' && filesOf(message).length > 0) return undefined;
  return find(text, context.commands, (name) => slashName(name).slice(1));
}

/** The bot's account where it is in many workspaces: one for all, since a job's place names the workspace then. */
export const ACCOUNT_OF_ALL = 'slack';

/** The bot's account, by which its journal knows it. */
export function accountOf({ me, place }: Pick<SlackContext, 'me' | 'place'>): string {
  return place === undefined ? `slack ${me.teamId} ${me.userId}` : ACCOUNT_OF_ALL;
}

/** What stands between a channel and a thread of it in a job's place; in neither's id. */
const THREAD = '#';

/** What a message is written down as: its place names the thread too, without which Slack does not find it again. */
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

/** What a command is written down as, or a shortcut that is about a message. */
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
