import type { Message } from 'discord.js';
import type { Posted, Reply } from '../../../commands/request.ts';
import { isExpired, isGone } from './errors.ts';
import { type Outgoing, type Terms, toOutgoing } from './outgoing.ts';
import { layOut } from './text.ts';

/** A message that was removed before it could be seen, or that reached nobody. */
export const NOBODY_SAW: Posted = { id: 'gone', update: async () => false, remove: async () => {} };

/** Ways to change a message that was sent. */
export interface Hand {
  /** Replaces everything that a message is made of. */
  edit(message: Message, outgoing: Outgoing): Promise<unknown>;
  remove(message: Message): Promise<unknown>;
}

/** Makes the files of a message go that an edit does not bring; a new list each time, since the library adds to it. */
export function withoutEarlierFiles(): { attachments: [] } {
  return { attachments: [] };
}

/** The bot's ordinary right over its own messages. */
export const OWN_MESSAGE: Hand = {
  edit: (message, outgoing) => message.edit({ ...outgoing, ...withoutEarlierFiles() }),
  remove: (message) => message.delete(),
};

/**
 * Messages that went out as one reply.
 * @param messages at least one; a reply whose text is too long for one message has several
 */
export function toPosted(messages: readonly [Message, ...Message[]], terms: Terms, hand: Hand = OWN_MESSAGE): Posted {
  const [first] = messages;
  return {
    id: first.id,
    update: async (reply: Reply) => {
      // An edited message cannot grow further messages between those that came after it: what does not fit is cut.
      const [text] = layOut(reply);
      const outgoing = await toOutgoing(reply, text!, terms);
      return await unlessGone(() => hand.edit(first, outgoing));
    },
    remove: async () => {
      for (const message of messages) await unlessGone(() => hand.remove(message));
    },
  };
}

async function unlessGone(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isGone(error) || isExpired(error)) return false;
    throw error;
  }
}
