import { Events, type Message } from 'discord.js';
import { Typing } from '../channel.ts';
import type { DiscordContext } from '../context.ts';
import { isAddressed, isForTheBot, messageRequest } from '../request.ts';

/** Answers what people post: their pictures, and what they say to the bot. */
export function listenToMessages(context: DiscordContext): void {
  context.client.on(Events.MessageCreate, (message) => context.guard(() => onMessage(message, context)));
}

function onMessage(message: Message, context: DiscordContext): void {
  if (!isForTheBot(message)) return;
  const typing = new Typing(context.log);
  context.session.begin({
    channel: message.channelId,
    message: message.id,
    // Whoever only posts a picture has asked nobody, and a channel may be set to silence.
    ...(isAddressed(message) && { tellAlone: (text) => context.refusals.tell(message.author, text, message.id) }),
    toRequest: (signal) => messageRequest(message, context, typing, signal),
    end: () => typing.stop(),
  });
}
