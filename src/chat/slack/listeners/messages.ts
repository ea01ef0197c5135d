import type { App } from '@slack/bolt';
import { commandIn } from '../../session.ts';
import { type MessageEvent, messageKey, picturesOf, type SlackMessage, sourceOf } from '../attachment.ts';
import type { SlackContext } from '../context.ts';
import { slashName, takeBackAnswersTo } from '../outgoing.ts';
import { beginAsking, isDirect } from '../request.ts';

/** Messages that people write; every other subtype is Slack's or an app's. */
const WRITTEN = [undefined, 'file_share', 'thread_broadcast'];
/** Events that say what became of an earlier message. */
const CHANGES: readonly unknown[] = ['message_deleted', 'message_changed'];

/** Answers what people post, and takes answers back with what they are about. */
export function listenToMessages(app: App, context: SlackContext): void {
  app.event('message', async ({ event, body }) => {
    const message = event as unknown as MessageEvent;
    if (CHANGES.includes(message.subtype)) {
      await onChanged(message, context);
    } else {
      await onPosted(message, body.event_id, context);
    }
  });
}

/** Whether the body of an event tells of a new message. */
export function isNewMessage({ event }: Record<string, unknown>): boolean {
  if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'message') return false;
  return !('subtype' in event && CHANGES.includes(event.subtype));
}

async function onPosted(event: MessageEvent, eventId: string, context: SlackContext): Promise<void> {
  const { channel, ts, user } = event;
  const { me, people, session } = context;
  if (!WRITTEN.includes(event.subtype) || ts === undefined || user === undefined) return;
  // The bot's own uploads come back as messages with files; not every bot's message has a bot_id.
  if (event.bot_id !== undefined || user === me.userId) return;
  const pictures = picturesOf(event);
  const mention = `<@${me.userId}>`;
  const asked = isDirect(channel) || (event.text ?? '').includes(mention);
  if (pictures.length === 0 && !asked) return;
  const files = pictures.map(({ id }) => `file:${channel}:${id}`);
  if (!session.claim(`event:${eventId}`, `message:${channel}:${ts}`, ...files)) return;
  if (await people.isBot(user)) return;
  const text = (event.text ?? '').replaceAll(mention, ' ');
  const command =
    pictures.length === 0 ? commandIn(text, context.commands, (name) => slashName(name).slice(1)) : undefined;
  beginAsking(context, {
    userId: user,
    channel,
    thread: event.thread_ts ?? ts,
    message: event,
    ...(command && { command }),
    ...(asked && { asked }),
  });
}

async function onChanged(event: MessageEvent, context: SlackContext): Promise<void> {
  const { channel, previous_message: before = {} } = event;
  const { me, session } = context;
  const { user = event.message?.user } = before;
  const ts = event.deleted_ts ?? event.message?.ts;
  if (ts === undefined || user === me.userId) return;
  const key = messageKey(channel, ts);
  if (isGone(event)) {
    // What an earlier run of the bot said is not remembered: its buttons name the messages that it was about.
    const source = sourceOf(channel, { ...before, ts });
    if (!(await session.removed(key)) && source) await takeBackAnswersTo(context, source);
    return;
  }
  const left = picturesOf(event.message ?? {}).map(({ id }) => id);
  if (lostPicture(before, event.message ?? {})) await session.edited(key, left);
}

/** Whether an event takes a message away: deleted, left as a tombstone above its thread, or without its files. */
function isGone({ subtype, message }: MessageEvent): boolean {
  if (subtype === 'message_deleted') return true;
  const files = message?.files ?? [];
  return message?.subtype === 'tombstone' || (files.length > 0 && files.every(({ mode }) => mode === 'tombstone'));
}

/** Whether a message has lost a picture: Slack leaves a tombstone of it, or leaves it out. */
function lostPicture(before: SlackMessage, now: SlackMessage): boolean {
  const left = new Set(picturesOf(now).map(({ id }) => id));
  const isTombstone = (now.files ?? []).some(({ mode }) => mode === 'tombstone');
  return isTombstone || picturesOf(before).some(({ id }) => !left.has(id));
}
