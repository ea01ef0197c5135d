import type { App } from '@slack/bolt';
import type { Job } from '../../../work/journal.ts';
import type { Session } from '../../session.ts';
import {
  filesOf,
  type MessageEvent,
  messageKey,
  picturesOf,
  type SlackFile,
  type SlackMessage,
  type SlackPicture,
  sourceOf,
} from '../attachment.ts';
import type { SlackContext } from '../context.ts';
import { isOutOfReach, NotNow } from '../errors.ts';
import { takeBackAnswersTo, takeBackInAnyThread } from '../look-back.ts';
import { inquiryOf, isForTheBot, jobOf, type Written } from '../posted.ts';
import { beginInquiry, type SlackInquiry } from '../request.ts';
import { workspaceOf } from '../workspaces.ts';

/** Subtypes of events about changes of an earlier message. */
const CHANGES: readonly unknown[] = ['message_deleted', 'message_changed'];

/** Answers what people post, and removes answers whose message or picture is removed. */
export function listenToMessages(app: App): void {
  app.event('message', async ({ event, body, context: boltContext }) => {
    const message = event as unknown as MessageEvent;
    const context = workspaceOf(boltContext);
    if (CHANGES.includes(message.subtype)) {
      await onChanged(message, body.event_id, context);
    } else {
      await onPosted(message, body.event_id, context);
    }
  });
  app.event('file_deleted', async ({ event, context }) => {
    await workspaceOf(context).session.pictureRemoved(event.file_id);
  });
}

/** The job that was recorded for an event, by the event's body. */
const noted = new WeakMap<object, Job>();

/**
 * Records the new message in an event, or the one that an edit has added pictures to, if the bot may have to answer it. This is done before
 * Slack's event is acknowledged.
 */
export async function noteMessage(body: object, context: SlackContext): Promise<void> {
  const message = newMessageIn(body) ?? fullerMessageIn(body);
  if (!message || !isForTheBot(message, context)) return;
  const job = jobOf(message.channel, message, context);
  noted.set(body, job);
  await context.session.note(job);
}

/**
 * Leaves new messages for the bot's next run while it is stopping: Slack sends unacknowledged events again. This cannot be a
 * listener, since the library acknowledges every event before a listener sees it.
 */
export function leaveWhileStopping(app: App, session: Session): void {
  const processEvent = app.processEvent.bind(app);
  app.processEvent = async (event) => {
    // Events that remove messages are still handled, since their answers may be under way.
    if (session.isStopping && newMessageIn(event.body)) throw new NotNow('the bot is stopping');
    const processed = processEvent(event);
    session.waitFor(processed);
    try {
      await processed;
    } finally {
      const job = noted.get(event.body);
      // Deletes the job again where there is nothing to answer.
      if (job) await session.settle(job);
    }
  };
}

/** The new message in an event's body; undefined for other events. */
function newMessageIn(body: object): MessageEvent | undefined {
  const event: unknown = 'event' in body ? body.event : undefined;
  if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'message') return undefined;
  if ('subtype' in event && CHANGES.includes(event.subtype)) return undefined;
  return 'channel' in event && typeof event.channel === 'string' ? (event as MessageEvent) : undefined;
}

/** The message in an event's body that an edit has added pictures to; undefined for other events. */
function fullerMessageIn(body: object): MessageEvent | undefined {
  const { event } = body as { readonly event?: (MessageEvent & { readonly type?: string }) | null };
  if (event?.type !== 'message' || event.subtype !== 'message_changed') return undefined;
  const { channel, message, previous_message: before } = event;
  if (!message || !before || typeof channel !== 'string' || addedBy(message, before).length === 0) return undefined;
  return { ...message, channel };
}

/** The pictures that an edit has added to a message. */
function addedBy(message: SlackMessage, before: SlackMessage): SlackPicture[] {
  const had = new Set(picturesOf(before).map(({ id }) => id));
  return picturesOf(message).filter(({ id }) => !had.has(id));
}

async function onPosted(event: MessageEvent, eventId: string, context: SlackContext): Promise<void> {
  const { channel, ts, user } = event;
  const { me, session } = context;
  // The bot's own uploads come back as messages with files.
  if (ts !== undefined && user === me.userId) context.uploads.remember(channel, ts, event.files ?? []);
  if (!isForTheBot(event, context)) return;
  if (!session.claim(`event:${eventId}`, `message:${channel}:${ts}`)) return;
  if (isOlder(event, context)) {
    // Slack repeats events that it does not know to have arrived, so an earlier run may have answered the message.
    await session.answerJobs([jobOf(channel, event, context)]);
    return;
  }
  const inquiry = await inquiryOrLater(event, context, (all, asked) => {
    const unseen = all.filter(({ id }) => session.claim(`file:${channel}:${id}`));
    // A person who asks only about pictures that were read already wants them read again.
    return asked && unseen.length === 0 ? all : unseen;
  });
  // Messages that come while the bot is stopping never get here, so this one came before: it is still answered.
  if (inquiry) beginInquiry(context, inquiry, true);
}

/** Like `inquiryOf`. Where Slack cannot be reached to tell what a file is, the message is looked at again later. */
async function inquiryOrLater(
  message: Written,
  context: SlackContext,
  choose: Parameters<typeof inquiryOf>[2],
): Promise<SlackInquiry | undefined> {
  try {
    return await inquiryOf(message, context, choose);
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    await context.session.answerJobs([jobOf(message.channel, message, context)]);
    return undefined;
  }
}

/** Whether a message was written before the bot was started. */
function isOlder({ ts = '0' }: SlackMessage, { startedAt }: SlackContext): boolean {
  return Number.parseFloat(ts) * 1000 < startedAt;
}

async function onChanged(event: MessageEvent, eventId: string, context: SlackContext): Promise<void> {
  const { channel, message, previous_message: before } = event;
  const { me, session } = context;
  const ts = event.deleted_ts ?? message?.ts;
  // Slack replaces a deleted message that has a thread by a text of its own. The previous message tells whose it was.
  const whole = { ...message, ...before };
  if (ts === undefined || whole.user === me.userId) return;
  const key = messageKey(channel, ts);
  const source = sourceOf(channel, { ...whole, ts });
  // The session does not remember answers of an earlier run or of a worker, but their buttons name the messages that they answer.
  // An older message may have such an answer even if the session knows another one, given since.
  const isForgotten = isOlder({ ts }, context) || session.mayBeForgotten(key, Number.parseFloat(ts) * 1000);
  if (isGone(event)) {
    const isKnown = await session.removed(key);
    if (!source || (isKnown && !isForgotten)) return;
    const isFound = await takeBackAnswersTo(context, source, () => true);
    if (!isFound && !whole.user && isForgotten) await takeBackInAnyThread(context, source);
  } else if (message) {
    const left = picturesOf(message).map(({ id }) => id);
    const isKnown = await session.edited(key, left);
    if (before) await readAdded({ ...message, channel }, before, eventId, context);
    if ((isKnown && !isForgotten) || !source || !mayHaveLostPicture(before, message)) return;
    await takeBackAnswersTo(context, source, (picture) =>
      picture === undefined ? left.length === 0 : !left.includes(picture),
    );
  }
}

/** Reads the pictures that an edit has added to a message. */
async function readAdded(
  message: MessageEvent,
  before: SlackMessage,
  eventId: string,
  context: SlackContext,
): Promise<void> {
  const added = addedBy(message, before).map(({ id }) => id);
  if (added.length === 0 || !isForTheBot(message, context) || !context.session.claim(`event:${eventId}`)) return;
  const inquiry = await inquiryOrLater(message, context, (all) =>
    all.filter(({ id }) => added.includes(id) && context.session.claim(`file:${message.channel}:${id}`)),
  );
  if (inquiry?.pictures?.length) beginInquiry(context, inquiry, true);
}

/** Whether an event removes a message: it is deleted, or left as a tombstone above its thread. */
function isGone({ subtype, message }: MessageEvent): boolean {
  return subtype === 'message_deleted' || message?.subtype === 'tombstone';
}

function isTombstone({ mode }: SlackFile): boolean {
  return mode === 'tombstone';
}

/**
 * Whether a message may have lost a picture: Slack leaves a tombstone of it, or leaves it out. True where Slack does not say what was
 * there before.
 */
function mayHaveLostPicture(before: SlackMessage | null | undefined, now: SlackMessage): boolean {
  if (!before) return true;
  const left = new Set(picturesOf(now).map(({ id }) => id));
  return filesOf(now).some(isTombstone) || picturesOf(before).some(({ id }) => !left.has(id));
}
