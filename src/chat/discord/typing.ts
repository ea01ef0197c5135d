import type { SendableChannels } from 'discord.js';
import type { Logger } from '../../base/log.ts';

/** Discord shows that somebody is typing for 10 seconds. */
const AGAIN_MS = 8000;

/** Shows in a channel that the bot is at work. */
export class Typing {
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Shows it until `stop`. */
  start(channel: SendableChannels): void {
    if (this.#timer !== undefined) return;
    this.#show(channel);
    this.#timer = setInterval(() => this.#show(channel), AGAIN_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #show(channel: SendableChannels): void {
    channel.sendTyping().catch((error: unknown) => {
      // The answer itself will say it where something is wrong with the channel.
      this.stop();
      this.#log.debug({ platform: 'discord', err: error }, 'typing could not be shown');
    });
  }
}
