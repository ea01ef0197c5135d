import type { App } from '@slack/bolt';
import { commandIn } from '../../../../commands/registry.ts';
import type { Session } from '../../session.ts';
import {
  filesOf,
  knownPicturesOf,
  type MessageEvent,
  messageKey,
  picturesOf,
  type SlackFile,
  type SlackMessage,
  sourceOf,
} from '../attachment.ts';
import type { SlackContext } from '../context.ts';
import { NotNow } from '../errors.ts';
import { takeBackAnswersTo } from '../look-back.ts';
import { slashName } from '../outgoing.ts';
import { beginAsking, isDirect } from '../request.ts';
import { workspaceOf } from '../workspaces.ts';

/** Messages that people write; every other subtype is Slack's or an app's. */
const WRITTEN = [undefined, 'file_share', 'thread_broadcast'];
/** Events that say what became of an earlier message. */
const CHANGES: readonly unknown[] = ['message_deleted', 'message_changed'];

/** Answers what people post, and takes answers back with what they are about. */
export function listenToMessages(app: App): void {
  app.event('message', async ({ event, body, context: told }) => {
    const message = event as unknown as MessageEvent;
    const context = workspaceOf(told);
    if (CHANGES.includes(message.subtype)) {
      await onChanged(message, context);
    } else {
      await onPosted(message, body.event_id, context);
    }
  });
  app.event('file_deleted', async ({ event, context }) => {
    await workspaceOf(context).session.pictureRemoved(event.file_id);
  });
}

/**
 * Leaves new messages for the bot's next run while it stops: what nobody acknowledges, Slack sends again. Not a listener, since
 * the library acknowledges every event before a listener sees it.
 */
export function leaveMessagesWhileStopping(app: App, session: Session): void {
  const processEvent = app.processEvent.bind(app);
  app.processEvent = async (event) => {
    // What removes a message still counts: its answer may be under way.
    if (session.isStopping && isNewMessage(event.body)) throw new NotNow('the bot is stopping');
    const processed = processEvent(event);
    session.waitFor(processed);
    await processed;
  };
}

/** Whether the body of an event tells of a new message. */
function isNewMessage({ event }: Record<string, unknown>): boolean {
  if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'message') return false;
  return !('subtype' in event && CHANGES.includes(event.subtype));
}

async function onPosted(event: MessageEvent, eventId: string, context: SlackContext): Promise<void> {
  const { channel, ts, user } = event;
  const { me, people, session } = context;
  // The bot's own uploads come back as messages with files; not every bot's message has a bot_id.
  if (ts !== undefined && user === me.userId) context.uploads.remember(channel, ts, event.files ?? []);
  if (!WRITTEN.includes(event.subtype) || ts === undefined || user === undefined) return;
  if (event.bot_id !== undefined || user === me.userId) return;
  const mention = `<@${me.userId}>`;
  const asked = isDirect(channel) || (event.text ?? '').includes(mention);
  if (picturesOf(event).length === 0 && !asked) return;
  if (!session.claim(`event:${eventId}`, `message:${channel}:${ts}`)) return;
  if (await people.isBot(user)) return;
  const all = await knownPicturesOf(event, context, asked);
  const unseen = all.filter(({ id }) => session.claim(`file:${channel}:${id}`));
  // Whoever asks about nothing but a picture that was read already wants it read again.
  const pictures = asked && unseen.length === 0 ? all : unseen;
  if (pictures.length === 0 && !asked) return;
  const text = (event.text ?? '').replaceAll(mention, ' ');
  // A mention without words may also speak of what it comes with.
  const isAboutFiles = text.trim() === '' && filesOf(event).length > 0;
  const command =
    all.length === 0 && !isAboutFiles
      ? commandIn(text, context.commands, (name) => slashName(name).slice(1))
      : undefined;
  const asking = { userId: user, channel, thread: event.thread_ts ?? ts, message: event, pictures };
  // A message that comes while the bot stops is left for its next run.
  beginAsking(context, { ...asking, ...(command && { command }), ...(asked && { asked }) }, true);
}

async function onChanged(event: MessageEvent, context: SlackContext): Promise<void> {
  const { channel, message, previous_message: before = {} } = event;
  const { me, session } = context;
  const { user = message?.user } = before;
  const ts = event.deleted_ts ?? message?.ts;
  if (ts === undefined || user === me.userId) return;
  const key = messageKey(channel, ts);
  const source = sourceOf(channel, { ...before, ts });
  // What an earlier run of the bot said is not remembered: its buttons name the messages that it was about. Of an older message
  // there may be such an answer also where it has been asked about again since.
  const isOlder = Number.parseFloat(ts) * 1000 < context.startedAt;
  if (isGone(event)) {
    const isKnown = await session.removed(key);
    if (source && (isOlder || !isKnown)) await takeBackAnswersTo(context, source, () => true);
  } else if (message !== undefined) {
    const left = picturesOf(message).map(({ id }) => id);
    const isKnown = await session.edited(key, left);
    if ((isKnown && !isOlder) || !source || !lostPicture(before, message)) return;
    await takeBackAnswersTo(context, source, (picture) =>
      picture === undefined ? left.length === 0 : !left.includes(picture),
    );
  }
}

/** Whether an event takes a message away: deleted, left as a tombstone above its thread, or without its files. */
function isGone({ subtype, message = {} }: MessageEvent): boolean {
  if (subtype === 'message_deleted' || message.subtype === 'tombstone') return true;
  const files = message.files ?? [];
  return files.length > 0 && files.every(isTombstone) && picturesOf(message).length === 0;
}

function isTombstone({ mode }: SlackFile): boolean {
  return mode === 'tombstone';
}

/** Whether a message has lost a picture: Slack leaves a tombstone of it, or leaves it out. */
function lostPicture(before: SlackMessage, now: SlackMessage): boolean {
  const left = new Set(picturesOf(now).map(({ id }) => id));
  return filesOf(now).some(isTombstone) || picturesOf(before).some(({ id }) => !left.has(id));
}
