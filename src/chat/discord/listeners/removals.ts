import {
  type APIAttachment,
  AttachmentFlags,
  GatewayDispatchEvents,
  type GatewayMessageUpdateDispatchData,
  type Message,
  SnowflakeUtil,
} from 'discord.js';
import { isSpoiler } from '../attachment.ts';
import type { DiscordContext } from '../context.ts';
import { isGone, lacksPermission } from '../errors.ts';
import { buttonOf, type RemoveButton } from '../outgoing.ts';

/** Messages after a removed one that are looked through for answers of an earlier run of the bot. */
const LOOK_AHEAD = 100;

/** Takes answers back with what they are about: messages, pictures that an edit takes out or hides, threads and channels. */
export function listenToRemovals(context: DiscordContext): void {
  const { client, guard, session, startedAt } = context;
  const isForgotten = (id: string) => SnowflakeUtil.timestampFrom(id) < startedAt || session.isElsewhere(id);

  const onRemoved = async (channelId: string, ids: readonly string[]) => {
    await Promise.all(ids.map((id) => session.removed(id)));
    // Also where something was known: it may have been asked about again since.
    const forgotten = ids.filter(isForgotten);
    if (forgotten.length > 0) await takeBackForgotten(context, channelId, forgotten);
  };
  const onEdited = async (message: GatewayMessageUpdateDispatchData) => {
    const left = filesLeft(message, context);
    if (left === undefined) return;
    const leftIds = left.map(({ id }) => id);
    const hiddenIds = left.filter(isHidden).map(({ id }) => id);
    await session.edited(message.id, leftIds, hiddenIds);
    if (message.author.bot || message.edited_timestamp === null || !isForgotten(message.id)) return;
    await takeBackForgotten(context, message.channel_id, [message.id], (answer, { picture }) => {
      const isGone = picture === undefined ? leftIds.length === 0 : !leftIds.includes(picture);
      // An early version's buttons do not name the picture.
      const isHiddenNow = picture === undefined ? left.every(isHidden) : hiddenIds.includes(picture);
      return isGone || (isHiddenNow && showsSomething(answer));
    });
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
  which: (answer: Message, button: RemoveButton) => boolean = () => true,
): Promise<void> {
  const channel = client.channels.cache.get(channelId);
  if (!channel?.isSendable()) return;
  const oldest = ids.reduce((a, b) => (BigInt(a) < BigInt(b) ? a : b));
  try {
    const later = await channel.messages.fetch({ after: oldest, limit: LOOK_AHEAD, cache: false });
    for (const message of later.values()) {
      const button = message.author.id === client.user.id ? buttonOf(message) : undefined;
      if (button?.source === undefined || !ids.includes(button.source) || !which(message, button)) continue;
      // The worker that posted it may remove it too.
      await message.delete().catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    }
  } catch (error) {
    if (!lacksPermission(error)) throw error;
  }
}
