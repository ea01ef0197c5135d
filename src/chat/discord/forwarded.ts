import { type APIMessage, type Message, MessageFlags, MessageReferenceType, Routes } from 'discord.js';
import { ChatFailed } from '../../base/errors.ts';
import { isOutOfReach, unlessClosed } from './errors.ts';

/** How many messages a forward is followed back through: what is forwarded may be a forward itself. */
const MOST_FORWARDS = 3;

/**
 * Who posted and forwarded a forwarded message before, as far as the bot can see that: a forward hides its author, but names the message.
 * So does a message that a followed channel publishes.
 * @returns ids of people; none where the bot cannot see that message
 * @throws ChatFailed where Discord cannot be reached
 */
export async function postersBefore({ client, reference }: Message): Promise<string[]> {
  const people: string[] = [];
  let { channelId, messageId } = reference ?? {};
  while (channelId !== undefined && messageId !== undefined && people.length < MOST_FORWARDS) {
    const route = Routes.channelMessage(channelId, messageId);
    const before = await unlessClosed(async () => (await client.rest.get(route)) as APIMessage).catch(
      (error: unknown) => {
        throw isOutOfReach(error) ? new ChatFailed(error) : error;
      },
    );
    if (before === undefined) break;
    people.push(before.author.id);
    const { message_reference: further, flags = 0 } = before;
    const isShown = further?.type === MessageReferenceType.Forward || (flags & MessageFlags.IsCrosspost) !== 0;
    channelId = isShown ? further?.channel_id : undefined;
    messageId = isShown ? further?.message_id : undefined;
  }
  return people;
}
