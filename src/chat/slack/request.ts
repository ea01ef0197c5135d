import { randomUUID } from 'node:crypto';
import {
  type Attachment,
  type Channel,
  NO_MESSAGE,
  type Posted,
  type Reply,
  type Request,
} from '../../../commands/request.ts';
import { ChatFailed } from '../../base/errors.ts';
import type { Job } from '../../work/journal.ts';
import type { Inquiry } from '../inquiry.ts';
import {
  knownPicturesOf,
  messageKey,
  type PictureSource,
  type SlackMessage,
  type SlackPicture,
  sourceOfPicture,
  toAttachments,
} from './attachment.ts';
import type { SlackContext } from './context.ts';
import { explainSlackError, isClosed, isOutOfReach, slackCode, withExplainedErrors } from './errors.ts';
import { messagesAt } from './messages-at.ts';
import { send, slackText } from './outgoing.ts';
import { isDirect } from './people.ts';
import type { Destination } from './uploads.ts';
import { fullChannelId } from './workspaces.ts';

/** Somebody asks the bot on Slack: by a message, a command or a shortcut. */
export interface SlackInquiry {
  readonly userId: string;
  readonly channel: string;
  /** The thread that answers go to; absent for a slash command, which Slack allows only outside threads. */
  readonly thread?: string;
  /** The message that asks, or that is asked about. */
  readonly message?: SlackMessage;
  /** The pictures of that message that are to be read. */
  readonly pictures?: readonly SlackPicture[];
  /** Sends a text that only the asker sees, to the address that came with a command. It expires after half an hour. */
  readonly respond?: (text: string) => Promise<void>;
  readonly command?: Request['command'];
  /** Its entry in the journal. */
  readonly job?: Job;
  /** True where the message addresses the bot. */
  readonly asked?: boolean;
}

/**
 * Starts to answer, by the rules that hold on every platform.
 * @param isAccepted whether the event came before the bot was told to stop
 */
export function beginInquiry(context: SlackContext, inquiry: SlackInquiry, isAccepted = false): void {
  context.session.begin(toInquiry(context, inquiry, isAccepted));
}

/** Turns it into an inquiry for the session. */
export function toInquiry(context: SlackContext, inquiry: SlackInquiry, isAccepted: boolean): Inquiry {
  const { channel, message, job, respond, asked } = inquiry;
  return {
    channel,
    isAccepted,
    ...(message?.ts !== undefined && { message: messageKey(channel, message.ts) }),
    ...(job && { job }),
    // People who only post a picture have not asked the bot, and its replies may be switched off in the channel.
    ...((respond || asked) && { replyPrivately: (text) => tellAsker(context, inquiry, text) }),
    toRequest: (signal) => toRequest(context, inquiry, signal),
  };
}

/** A channel of a workspace, by Slack's own id. */
export function toChannel(context: SlackContext, id: string): Channel {
  const { place, me } = context;
  return {
    id: fullChannelId(context, id),
    isDirect: isDirect(id),
    home: me.teamId,
    // A channel that workspaces share has the same id in all of them.
    ...(place !== undefined && {
      settingsId: id,
      places: [me.teamId, me.enterpriseId].filter((home) => home !== undefined),
    }),
    post: (reply) => withExplainedErrors(context.me.name, () => send(context, { channel: id }, reply)),
  };
}

/** Turns a message, command or shortcut into a request. */
function toRequest(context: SlackContext, inquiry: SlackInquiry, signal: AbortSignal): Request {
  const { channel, message, pictures = [] } = inquiry;
  let told = false;
  const toldOf = new Set<string>();
  return {
    platform: 'slack',
    moving: 'gif',
    id: message?.ts !== undefined && !inquiry.respond ? `${channel}:${message.ts}` : randomUUID(),
    ...(inquiry.command && { command: inquiry.command }),
    attachments: message ? toAttachments(channel, message, pictures, context) : [],
    user: context.people.user(inquiry.userId, isDirect(channel)),
    channel: toChannel(context, channel),
    ...(inquiry.asked && { asked: true }),
    signal,
    latestImages: (limit) => withExplainedErrors(context.me.name, () => latestImages(context, inquiry, limit)),
    reply: (reply) => answer(context, inquiry, reply, toldOf),
    progress: async (text) => {
      // Only a person who typed a command cannot see that an answer is coming.
      if (!inquiry.respond || told) return;
      told = true;
      await inquiry.respond(text).catch((error: unknown) => {
        context.log.info({ platform: 'slack', err: error }, 'progress could not be told');
      });
    },
  };
}

async function latestImages(context: SlackContext, inquiry: SlackInquiry, limit: number): Promise<Attachment[]> {
  const found: Attachment[] = [];
  for await (const message of latestMessages(context, inquiry)) {
    const pictures = await knownPicturesOf(message, context, true);
    const attachments = toAttachments(inquiry.channel, message, pictures.reverse(), context);
    found.push(...attachments.filter(({ id }) => found.every((other) => other.id !== id)));
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}

/** Earlier messages of people, newest first: those of the thread that they ask in, then those of the channel. */
async function* latestMessages(context: SlackContext, inquiry: SlackInquiry): AsyncGenerator<SlackMessage> {
  const { channel, thread } = inquiry;
  const isTheirs = ({ bot_id: bot, user, ts }: SlackMessage) =>
    bot === undefined && user !== context.me.userId && ts !== inquiry.message?.ts;
  if (thread !== undefined) {
    const inThread: SlackMessage[] = [];
    for await (const message of messagesAt(context, { channel, thread })) inThread.unshift(message);
    yield* inThread.filter(isTheirs);
  }
  for await (const message of messagesAt(context, { channel })) if (isTheirs(message)) yield message;
}

/**
 * @param toldOf ids of the messages in whose threads the asker was told to look, and of the channel if they were told that it is closed
 * @throws ChatFailed where Slack failed, so that nobody knows whether the reply was posted
 */
async function answer(...[context, inquiry, reply, toldOf]: Parameters<typeof sayTo>): Promise<Posted> {
  try {
    return await sayTo(context, inquiry, reply, toldOf);
  } catch (error) {
    throw isOutOfReach(error) ? new ChatFailed(error) : error;
  }
}

async function sayTo(context: SlackContext, inquiry: SlackInquiry, reply: Reply, toldOf: Set<string>): Promise<Posted> {
  const source = sourceOfPicture(reply.about);
  const thread = source?.thread ?? inquiry.thread;
  const to: Destination = { channel: inquiry.channel, ...(thread !== undefined && { thread }) };
  if (reply.private && !reply.pictures?.length) return await whisper(context, inquiry, to, reply);
  const removable = reply.removable && source && { source, asker: inquiry.userId };
  const posted = await sendOrExplain(context, inquiry, to, reply, removable || undefined, toldOf);
  // The address that came with the command takes five texts, and a message may have ten pictures.
  if (inquiry.respond && source && posted !== NO_MESSAGE && !toldOf.has(source.ts)) {
    toldOf.add(source.ts);
    await tellWhere(context, inquiry, source);
  }
  return posted;
}

async function sendOrExplain(
  context: SlackContext,
  inquiry: SlackInquiry,
  to: Destination,
  reply: Reply,
  removable: Parameters<typeof send>[3],
  toldOf = new Set<string>(),
): Promise<Posted> {
  try {
    return await send(context, to, reply, removable);
  } catch (error) {
    const reason = explainSlackError(error, context.me.name);
    if (!(reason instanceof Error) || reason === error || isOutOfReach(error)) throw error;
    if (isClosed(error)) {
      const isAsked = inquiry.respond !== undefined || inquiry.asked === true;
      const isToBeTold = context.closed.claim([inquiry.channel]) || isAsked;
      const isNews = !toldOf.has(inquiry.channel);
      toldOf.add(inquiry.channel);
      if (isToBeTold && isNews) await replyPrivately(context, inquiry, `I could not answer there. ${reason.message}`);
      context.log.info({ platform: 'slack', code: slackCode(error) }, 'a channel is closed to the bot');
      return NO_MESSAGE;
    }
    // Without the permission for files, the text can still be sent.
    if (slackCode(error) === 'missing_scope' && reply.pictures?.length) {
      const { pictures: _, ...words } = reply;
      return await send(context, to, { ...words, text: `${reply.text}\n${reason.message}` }, removable);
    }
    throw reason;
  }
}

/** Sends a reply that only the asker sees. */
async function whisper(context: SlackContext, inquiry: SlackInquiry, to: Destination, reply: Reply): Promise<Posted> {
  if (!inquiry.respond && isDirect(inquiry.channel)) {
    const { private: _, ...open } = reply;
    return await sendOrExplain(context, inquiry, to, open, undefined);
  }
  await replyPrivately(context, inquiry, reply.text, to);
  return NO_MESSAGE;
}

/** Sends a text that only the asker sees, in the channel that they asked in. */
async function tellAsker(context: SlackContext, inquiry: SlackInquiry, text: string): Promise<void> {
  const { channel, thread } = inquiry;
  await replyPrivately(context, inquiry, text, { channel, ...(thread !== undefined && { thread }) });
}

/**
 * Sends a text to one person in the first way that works: to the address that came with the command, as a message in the channel
 * that only they see, or as a direct message.
 */
async function replyPrivately(
  context: SlackContext,
  inquiry: SlackInquiry,
  text: string,
  to?: Destination,
): Promise<void> {
  const { channel, userId: user } = inquiry;
  const words = slackText(text);
  // Slack shows a message that only one person sees in a thread only if that has replies already.
  const thread = inquiry.message?.thread_ts === undefined ? undefined : to?.thread;
  const ways: (() => Promise<unknown>)[] = [
    ...(inquiry.respond ? [() => inquiry.respond!(text)] : []),
    ...(to
      ? [() => context.api.chat.postEphemeral({ channel, user, text: words, ...(thread && { thread_ts: thread }) })]
      : []),
    () => context.api.chat.postMessage({ channel: user, text: words, mrkdwn: false }),
  ];
  let failure: unknown;
  for (const way of ways) {
    try {
      await way();
      return;
    } catch (error) {
      failure = error;
      // It may have been sent; another way could send it twice.
      if (isOutOfReach(error)) break;
    }
  }
  throw failure;
}

async function tellWhere(context: SlackContext, inquiry: SlackInquiry, source: PictureSource): Promise<void> {
  try {
    const { permalink } = await context.api.chat.getPermalink({ channel: source.channel, message_ts: source.ts });
    await inquiry.respond!(`The answer is in the picture’s thread: ${permalink}`);
  } catch (error) {
    // The answer is in the thread in any case.
    context.log.info({ platform: 'slack', err: error }, 'an asker could not be told where the answer is');
  }
}
