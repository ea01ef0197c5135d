import {
  Events,
  GatewayDispatchEvents,
  type GatewayMessageUpdateDispatchData,
  type Message,
  SnowflakeUtil,
} from 'discord.js';
import type { DiscordContext } from '../context.ts';
import { isOutOfReach, unlessClosed } from '../errors.ts';
import { accountOf, isForTheBot, toInquiry } from '../request.ts';

/** A file that is more than this much younger than its message, in milliseconds, was added by an edit. */
const ADDED_MS = 5000;
/** A file that is older than this, in milliseconds, may have been answered so long ago that the session does not remember it. */
const NEW_MS = 10 * 60_000;

/** Answers the pictures that people post or add by an edit, and messages that address the bot. */
export function listenToMessages(context: DiscordContext): void {
  const { client, guard } = context;
  client.on(Events.MessageCreate, (message) => guard(() => onMessage(message, context)));
  // The client's own event comes only for messages in its cache.
  client.ws.on(GatewayDispatchEvents.MessageUpdate, (data) => guard(() => onEdited(data, context)));
}

function onMessage(message: Message, context: DiscordContext): void {
  context.markSeen(message.channelId, message.id);
  if (!isForTheBot(message)) return;
  if (context.session.claim(`message:${message.id}`)) context.session.begin(toInquiry(message, context));
}

async function onEdited(
  { id, channel_id: place, attachments, author }: Partial<GatewayMessageUpdateDispatchData>,
  context: DiscordContext,
): Promise<void> {
  // An event may have `null` in place of what it does not tell.
  if (!id || !place || !attachments || author?.bot) return;
  const { session, client, startedAt } = context;
  const added = attachments.map((file) => file.id).filter((file) => timeOf(file) > timeOf(id) + ADDED_MS);
  const files = added.filter((file) => session.claim(`added:${file}`));
  if (files.length === 0) return;
  const job = { bot: accountOf(context), place, message: id, kind: 'posted', files, begun: Date.now() } as const;
  await session.note(job);
  // It may have been answered, by an earlier run or long ago: each later edit names the file again.
  if (files.some((file) => timeOf(file) < Math.max(startedAt, Date.now() - NEW_MS)))
    return await session.answerJobs([job]);
  let message: Message | undefined;
  try {
    message = await unlessClosed(async () => {
      const channel = await client.channels.fetch(place);
      return channel?.isTextBased() ? await channel.messages.fetch({ message: id, force: true }) : undefined;
    });
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    // It is tried again until Discord gives the message.
    return await session.answerJobs([job]);
  }
  if (message && isForTheBot(message)) session.begin(toInquiry(message, context, (picture) => files.includes(picture)));
  else await session.settle(job);
}

function timeOf(id: string): number {
  return SnowflakeUtil.timestampFrom(id);
}
