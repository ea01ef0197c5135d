import type { SendableChannels, User } from 'discord.js';
import type { Logger } from '../../base/log.ts';
import { isUnreachable } from './errors.ts';
import { plainMessage } from './outgoing.ts';
import { missingInWords } from './permissions.ts';
import { escapeMarkup } from './text.ts';

/** How long nobody is told again that a channel is closed to the bot. */
const QUIET_MS = 60 * 60_000;
/** Channels that are remembered as told. */
const MAX_CHANNELS = 1000;

/** Says in words, in a direct message, that a channel is closed to the bot. */
export class Refusals {
  readonly #log: Logger;
  readonly #toldAt = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Tells a person why no answer comes; once an hour a channel, since every photo there would bring another message. */
  async explain(user: User, channel: SendableChannels): Promise<void> {
    const missing = missingInWords(channel);
    this.#log.warn({ platform: 'discord', channel: channel.id, missing }, 'a channel is closed to the bot');
    if (!this.#isDue(channel.id)) return;
    const name = channel.isDMBased() ? 'there' : `in #${escapeMarkup(channel.name)}`;
    const text = `I cannot answer your picture ${name}: I lack the permission ${missing}. Ask an admin of the server to give it to me.`;
    try {
      await user.send(plainMessage(text));
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      this.#log.info({ platform: 'discord' }, 'a person takes no direct messages');
    }
  }

  #isDue(channelId: string): boolean {
    const now = Date.now();
    if (now - (this.#toldAt.get(channelId) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return false;
    this.#toldAt.delete(channelId);
    this.#toldAt.set(channelId, now);
    if (this.#toldAt.size > MAX_CHANNELS) this.#toldAt.delete(this.#toldAt.keys().next().value!);
    return true;
  }
}
