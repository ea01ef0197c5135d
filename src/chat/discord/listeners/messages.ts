import { Events, type Message } from 'discord.js';
import type { DiscordContext } from '../context.ts';
import { isForTheBot, toAsking } from '../request.ts';

/** Answers what people post: their pictures, and what they say to the bot. */
export function listenToMessages(context: DiscordContext): void {
  context.client.on(Events.MessageCreate, (message) => context.guard(() => onMessage(message, context)));
}

function onMessage(message: Message, context: DiscordContext): void {
  context.seen(message.channelId, message.id);
  if (!isForTheBot(message)) return;
  if (context.session.claim(`message:${message.id}`)) context.session.begin(toAsking(message, context));
}
