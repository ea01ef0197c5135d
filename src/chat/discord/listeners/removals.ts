import {
  type APIAttachment,
  AttachmentFlags,
  GatewayDispatchEvents,
  type GatewayMessageUpdateDispatchData,
  type Message,
  MessageReferenceType,
  SnowflakeUtil,
} from 'discord.js';
import { untilDone } from '../../until-done.ts';
import { isSpoiler } from '../attachment.ts';
import type { DiscordContext } from '../context.ts';
import { isGone, isOutOfReach, lacksPermission, unlessClosed } from '../errors.ts';
import { pagesAfter } from '../messages-after.ts';
import { buttonOf, type RemoveButton } from '../outgoing.ts';

/** At most so many pages are searched for answers of an earlier run: one after the removed message, more where many are removed at once. */
const MAX_PAGES = 10;

/** Removes answers whose message is removed, or whose picture an edit removes or hides. Gives up work in removed threads and channels. */
export function listenToRemovals(context: DiscordContext): void {
  const { client, guard, session, startedAt } = context;
  const isForgotten = (id: string) => {
    const postedAt = SnowflakeUtil.timestampFrom(id);
    return postedAt < startedAt || session.mayBeForgotten(id, postedAt);
  };

  const onRemoved = async (channelId: string, ids: readonly string[]) => {
    await Promise.all(ids.map((id) => session.removed(id)));
    // This is also done where the session knew an answer: an earlier run may have posted others.
    const forgotten = ids.filter(isForgotten);
    if (forgotten.length > 0) await takeBackForgotten(context, channelId, forgotten);
  };
  const onEdited = async (message: Edited) => {
    const left = filesLeft(message, context);
    if (left === undefined) return;
    const leftIds = left.map(({ id }) => id);
    const hiddenIds = left.filter(isHidden).map(({ id }) => id);
    await session.edited(message.id, leftIds, hiddenIds);
    // What Discord itself takes out does not count as an edit there, so the time of the edit is not looked at.
    if (!message.channel_id || message.author?.bot || !isForgotten(message.id)) return;
    await takeBackForgotten(context, message.channel_id, [message.id], (answer, { picture }) => {
      const isGone = picture === undefined ? leftIds.length === 0 : !leftIds.includes(picture);
      // The buttons of an early version do not name the picture.
      const isHiddenNow = picture === undefined ? left.every(isHidden) : hiddenIds.includes(picture);
      return isGone || (isHiddenNow && showsSomething(answer));
    });
  };

  // The client's own events come only for messages in its cache, so the raw events are used.
  client.ws.on(GatewayDispatchEvents.MessageDelete, (data) => guard(() => onRemoved(data.channel_id, [data.id])));
  client.ws.on(GatewayDispatchEvents.MessageDeleteBulk, (data) => guard(() => onRemoved(data.channel_id, data.ids)));
  client.ws.on(GatewayDispatchEvents.MessageUpdate, (data) => guard(() => onEdited(data)));
  client.ws.on(GatewayDispatchEvents.ThreadDelete, (data) => session.channelRemoved(data.id));
  client.ws.on(GatewayDispatchEvents.ChannelDelete, (data) => session.channelRemoved(data.id));
}

/** An edited message as the event gives it. Besides the ids, only the fields that changed are certain to be there. */
type Edited = Pick<GatewayMessageUpdateDispatchData, 'id' | 'channel_id'> & Partial<GatewayMessageUpdateDispatchData>;

/** The files that an edited message still has; undefined where Discord does not say. */
function filesLeft(message: Edited, { client, seesEverything }: DiscordContext): APIAttachment[] | undefined {
  const { attachments, message_snapshots: forwarded, mentions, author, guild_id: guildId } = message;
  // An event may have `null` in place of what it does not tell.
  if (!attachments || author?.id === client.user.id) return undefined;
  if (!forwarded && message.message_reference?.type === MessageReferenceType.Forward) return undefined;
  // Without the MessageContent intent, Discord sends messages that do not address the bot as if they had no files.
  const isVisible = seesEverything || guildId === undefined || mentions?.some(({ id }) => id === client.user.id);
  if (!isVisible) return undefined;
  return [...attachments, ...(forwarded ?? []).flatMap((one) => one.message.attachments ?? [])];
}

function isHidden({ filename, flags }: APIAttachment): boolean {
  return isSpoiler({ name: filename, spoiler: ((flags ?? 0) & AttachmentFlags.IsSpoiler) !== 0 });
}

/** Whether an answer has a picture that is not hidden. */
function showsSomething({ attachments }: Message): boolean {
  return attachments.some((file) => !isSpoiler(file));
}

/**
 * Removes answers of an earlier run, which the session does not remember. Their buttons name the messages that they answer. They are in the
 * message's channel, or in the thread that was opened on it, which has its id.
 */
async function takeBackForgotten(...[context, channelId, ids, which]: Parameters<typeof takeBackOnce>): Promise<void> {
  const lookIn = (place: string, about: readonly string[]) =>
    untilDone(() => takeBackOnce(context, place, about, which), isOutOfReach);
  await lookIn(channelId, ids);
  for (const id of ids) if (id !== channelId) await lookIn(id, [id]);
}

async function takeBackOnce(
  { client }: DiscordContext,
  channelId: string,
  ids: readonly string[],
  which: (answer: Message, button: RemoveButton) => boolean = () => true,
): Promise<void> {
  // Discord announces neither direct message channels nor inactive threads, so the channel is fetched.
  const channel = await unlessClosed(() => client.channels.fetch(channelId));
  if (!channel?.isSendable()) return;
  const takeBack = async (message: Message) => {
    const button = message.author.id === client.user.id ? buttonOf(message) : undefined;
    if (button?.source === undefined || !ids.includes(button.source) || !which(message, button)) return;
    // The worker that posted it may have removed it already.
    await message.delete().catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
  };
  const [oldest, ...others] = ids.map(BigInt).sort((a, b) => (a < b ? -1 : 1));
  const newest = others.at(-1) ?? oldest!;
  try {
    for await (const page of pagesAfter(channel, oldest!, MAX_PAGES)) {
      for (const message of page) await takeBack(message);
      if (page.every(({ id }) => BigInt(id) > newest)) break;
    }
  } catch (error) {
    if (!lacksPermission(error)) throw error;
  }
}
