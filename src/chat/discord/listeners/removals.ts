import {
  type APIAttachment,
  AttachmentFlags,
  ComponentType,
  GatewayDispatchEvents,
  type GatewayMessageUpdateDispatchData,
  type Message,
  SnowflakeUtil,
} from 'discord.js';
import { isSpoiler } from '../attachment.ts';
import type { DiscordContext } from '../context.ts';
import { lacksPermission } from '../errors.ts';
import { parseRemoveButton } from '../outgoing.ts';

/** Messages after a removed one that are looked through for answers of an earlier run of the bot. */
const LOOK_AHEAD = 100;

/**
 * Takes answers back with what they are about: messages, pictures that an edit takes out or hides, threads and channels.
 * @param startedAt when the bot was started, in milliseconds since 1970: it does not remember what it said before
 */
export function listenToRemovals(
  context: DiscordContext,
  guard: (work: () => unknown) => void,
  startedAt: number,
): void {
  const { client, session } = context;
  const isForgotten = (id: string) => SnowflakeUtil.timestampFrom(id) < startedAt;

  const onRemoved = async (channelId: string, ids: readonly string[]) => {
    const known = await Promise.all(ids.map((id) => session.removed(id)));
    const forgotten = ids.filter((id, k) => !known[k] && isForgotten(id));
    if (forgotten.length > 0) await takeBackForgotten(context, channelId, forgotten);
  };
  const onEdited = async (message: GatewayMessageUpdateDispatchData) => {
    const left = filesLeft(message, context);
    if (left === undefined) return;
    const idsOf = (files: readonly APIAttachment[]) => files.map(({ id }) => id);
    const isKnown = await session.edited(message.id, idsOf(left), idsOf(left.filter(isHidden)));
    // Of an earlier run only the message that an answer is about is known, not the picture.
    const mayBeForgotten = left.every(isHidden) && !message.author.bot && message.edited_timestamp !== null;
    if (!isKnown && mayBeForgotten && isForgotten(message.id)) {
      await takeBackForgotten(
        context,
        message.channel_id,
        [message.id],
        left.length === 0 ? () => true : showsSomething,
      );
    }
  };

  // Not the client's own events for these: it tells of messages that it remembers only.
  client.ws.on(GatewayDispatchEvents.MessageDelete, (data) => guard(() => onRemoved(data.channel_id, [data.id])));
  client.ws.on(GatewayDispatchEvents.MessageDeleteBulk, (data) => guard(() => onRemoved(data.channel_id, data.ids)));
  client.ws.on(GatewayDispatchEvents.MessageUpdate, (data) => guard(() => onEdited(data)));
  client.ws.on(GatewayDispatchEvents.ThreadDelete, (data) => session.channelRemoved(data.id));
  client.ws.on(GatewayDispatchEvents.ChannelDelete, (data) => session.channelRemoved(data.id));
}

/** The files that an edited message still has; undefined where Discord does not say. */
function filesLeft(
  message: Partial<GatewayMessageUpdateDispatchData>,
  { client, seesEverything }: DiscordContext,
): APIAttachment[] | undefined {
  const { attachments, message_snapshots: forwarded = [], mentions = [], author, guild_id: guildId } = message;
  if (attachments === undefined || author?.id === client.user.id) return undefined;
  // Without the MessageContent intent, Discord tells of other messages as if they had no files.
  const isVisible = seesEverything || guildId === undefined || mentions.some(({ id }) => id === client.user.id);
  if (!isVisible) return undefined;
  return [...attachments, ...forwarded.flatMap((one) => one.message.attachments)];
}

function isHidden({ filename, flags }: APIAttachment): boolean {
  return isSpoiler({ name: filename, spoiler: ((flags ?? 0) & AttachmentFlags.IsSpoiler) !== 0 });
}

/** Whether an answer has a picture that everyone sees. */
function showsSomething({ attachments }: Message): boolean {
  return attachments.some((file) => !isSpoiler(file));
}

/** What an earlier run of the bot said is not remembered, but its buttons name the messages that it was about. */
async function takeBackForgotten(
  { client }: DiscordContext,
  channelId: string,
  ids: readonly string[],
  which: (answer: Message) => boolean = () => true,
): Promise<void> {
  const channel = client.channels.cache.get(channelId);
  if (!channel?.isSendable()) return;
  const oldest = ids.reduce((a, b) => (BigInt(a) < BigInt(b) ? a : b));
  try {
    const later = await channel.messages.fetch({ after: oldest, limit: LOOK_AHEAD, cache: false });
    for (const message of later.values()) {
      const isAnswer = message.author.id === client.user.id && ids.includes(sourceOf(message) ?? '');
      if (isAnswer && which(message)) await message.delete();
    }
  } catch (error) {
    if (!lacksPermission(error)) throw error;
  }
}

/** The message that one of the bot's answers is about, by its Remove button. */
function sourceOf(message: Message): string | undefined {
  for (const row of message.components) {
    if (row.type !== ComponentType.ActionRow) continue;
    for (const { customId } of row.components) {
      const source = customId ? parseRemoveButton(customId)?.source : undefined;
      if (source !== undefined) return source;
    }
  }
  return undefined;
}
