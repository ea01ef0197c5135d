import { randomUUID } from 'node:crypto';
import type { Attachment, Channel, Posted, Reply, Request } from '../../../commands/request.ts';
import { sourceOfPicture, toAttachments } from './attachment.ts';
import type { Desk } from './desk.ts';
import { inWords, isClosed, said, slackCode } from './errors.ts';
import { type Destination, messagesAt, send, slackText } from './outgoing.ts';
import type { SlackMessage, Source } from './payloads.ts';

/** Who asks from where, by whatever way. */
export interface Asking {
  readonly userId: string;
  readonly channel: string;
  /** The thread that answers go to; absent for a slash command, which Slack knows only outside of threads. */
  readonly thread?: string;
  /** The message that asks, or that is asked about. */
  readonly message?: SlackMessage;
  /** Says something to the asker alone, through the address that came with a command; it expires after half an hour. */
  readonly respond?: (text: string) => Promise<void>;
  readonly command?: Request['command'];
  /** True where the message speaks to the bot. */
  readonly asked?: boolean;
}

/** A conversation of only one person and the bot, or of two people; the id's first letter says so. */
export function isDirect(channel: string): boolean {
  return channel.startsWith('D');
}

/** A channel of Slack's. */
export function toChannel(desk: Desk, id: string): Channel {
  return {
    id,
    isDirect: isDirect(id),
    post: (reply) => said(desk.me.name, () => send(desk, { channel: id }, reply)),
  };
}

/** One message, command or shortcut as a request. */
export function toRequest(desk: Desk, asking: Asking, signal: AbortSignal): Request {
  const { channel, message } = asking;
  let told = false;
  return {
    platform: 'slack',
    id: message?.ts !== undefined && !asking.respond ? `${channel}:${message.ts}` : randomUUID(),
    ...(asking.command && { command: asking.command }),
    attachments: message ? toAttachments(channel, message, desk) : [],
    user: desk.people.user(asking.userId, isDirect(channel)),
    channel: toChannel(desk, channel),
    ...(asking.asked && { asked: true }),
    signal,
    latestImages: (limit) => said(desk.me.name, () => latestImages(desk, asking, limit)),
    reply: (reply) => answer(desk, asking, reply, signal),
    progress: async (text) => {
      // Only whoever typed a command waits for an answer without seeing that one is coming.
      if (!asking.respond || told) return;
      told = true;
      await asking.respond(text).catch((error: unknown) => {
        desk.log.info({ platform: 'slack', err: error }, 'progress could not be told');
      });
    },
  };
}

async function latestImages(desk: Desk, asking: Asking, limit: number): Promise<Attachment[]> {
  const found: Attachment[] = [];
  const { channel, thread } = asking;
  if (thread !== undefined) {
    const inThread: Attachment[] = [];
    for await (const message of messagesAt(desk, { channel, thread }))
      inThread.unshift(...picturesIn(desk, asking, message));
    found.push(...inThread);
  }
  if (found.length < limit) {
    for await (const message of messagesAt(desk, { channel })) {
      const known = new Set(found.map(({ id }) => id));
      found.push(...picturesIn(desk, asking, message).filter(({ id }) => !known.has(id)));
      if (found.length >= limit) break;
    }
  }
  return found.slice(0, limit);
}

/** The pictures that a person posted in a message, last first. */
function picturesIn(desk: Desk, asking: Asking, message: SlackMessage): Attachment[] {
  if (message.bot_id !== undefined || message.user === desk.me.userId || message.ts === asking.message?.ts) return [];
  return toAttachments(asking.channel, message, desk).reverse();
}

async function answer(desk: Desk, asking: Asking, reply: Reply, signal: AbortSignal): Promise<Posted> {
  signal.throwIfAborted();
  const source = sourceOfPicture(reply.about);
  const thread = source?.thread ?? asking.thread;
  const to: Destination = { channel: asking.channel, ...(thread !== undefined && { thread }) };
  if (reply.private && !reply.pictures?.length) return await whisper(desk, asking, to, reply);
  const posted = await sendOrExplain(desk, asking, to, reply, reply.removable ? source : undefined);
  if (signal.aborted) {
    // The message was removed while its answer was on its way.
    await posted.remove();
    throw signal.reason;
  }
  if (asking.respond && source) await tellWhere(desk, asking, source);
  return posted;
}

async function sendOrExplain(
  desk: Desk,
  asking: Asking,
  to: Destination,
  reply: Reply,
  source: Source | undefined,
): Promise<Posted> {
  try {
    return await send(desk, to, reply, source);
  } catch (error) {
    const reason = inWords(error, desk.me.name);
    if (!(reason instanceof Error) || reason === error) throw error;
    if (isClosed(error)) {
      await tellAlone(desk, asking, `I could not answer there. ${reason.message}`);
      desk.log.info({ platform: 'slack', code: slackCode(error) }, 'a channel is closed to the bot');
      return UNSEEN;
    }
    // Without the permission for files, the text can still be said.
    if (slackCode(error) === 'missing_scope' && reply.pictures?.length) {
      const { pictures: _, ...words } = reply;
      return await send(desk, to, { ...words, text: `${reply.text}\n${reason.message}` }, source);
    }
    throw reason;
  }
}

/** Stands for a message that could not be put where it belonged. */
const UNSEEN: Posted = { id: 'unseen', update: async () => false, remove: async () => {} };

/** Says something that only the asker sees. */
async function whisper(desk: Desk, asking: Asking, to: Destination, reply: Reply): Promise<Posted> {
  if (!asking.respond && isDirect(asking.channel)) {
    const { private: _, ...open } = reply;
    return await sendOrExplain(desk, asking, to, open, undefined);
  }
  await tellAlone(desk, asking, reply.text, to);
  return UNSEEN;
}

/**
 * Reaches one person by the first way that is open: the address that came with the command, a message that only they see
 * in the channel, a direct message.
 */
async function tellAlone(desk: Desk, asking: Asking, text: string, to?: Destination): Promise<void> {
  const { channel, userId: user } = asking;
  const words = slackText(text);
  const ways: (() => Promise<unknown>)[] = [
    ...(asking.respond ? [() => asking.respond!(text)] : []),
    ...(to
      ? [() => desk.api.chat.postEphemeral({ channel, user, text: words, ...(to.thread && { thread_ts: to.thread }) })]
      : []),
    () => desk.api.chat.postMessage({ channel: user, text: words, mrkdwn: false }),
  ];
  let failure: unknown;
  for (const way of ways) {
    try {
      await way();
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function tellWhere(desk: Desk, asking: Asking, source: Source): Promise<void> {
  try {
    const { permalink } = await desk.api.chat.getPermalink({ channel: source.channel, message_ts: source.ts });
    await asking.respond!(`The answer is in the picture’s thread: ${permalink}`);
  } catch (error) {
    // The answer stands in the thread all the same.
    desk.log.info({ platform: 'slack', err: error }, 'an asker could not be told where the answer is');
  }
}
