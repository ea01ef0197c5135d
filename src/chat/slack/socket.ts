import { setTimeout as delay } from 'node:timers/promises';
import { SocketModeReceiver } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { apiOptions } from './api.ts';
import { boltLogger } from './logger.ts';

/** Milliseconds before a further try to connect, doubled each time up to the second number. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that lasted so long, in milliseconds, was a good one: the next is opened at once. */
const GOOD_MS = 10_000;

/**
 * The socket that Slack's events arrive over, opened again whenever it ends: Slack refreshes it every few hours. Not left
 * to the library, which waits five seconds before it does and ends the process where Slack cannot be reached just then.
 */
export class SlackSocket {
  readonly receiver: SocketModeReceiver;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  #connectedAt: number | undefined;

  constructor(appToken: string, config: Config, log: Logger) {
    this.#log = log;
    this.receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      logger: boltLogger(log),
      installerOptions: { clientOptions: apiOptions(config, log) },
    });
    this.receiver.client.on('disconnected', () => void this.#onDisconnected());
  }

  /** @throws what the library throws where the first connection fails */
  async start(): Promise<void> {
    await this.receiver.client.start();
    this.#connectedAt = Date.now();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.receiver.client.disconnect();
  }

  async #onDisconnected(): Promise<void> {
    // A try that fails says so here too; only the end of a connection starts a round of tries.
    if (this.#connectedAt === undefined) return;
    const lasted = Date.now() - this.#connectedAt;
    this.#connectedAt = undefined;
    for (let pause = lasted < GOOD_MS ? FIRST_PAUSE_MS : 0; !this.#stopped.signal.aborted; ) {
      await delay(pause, undefined, { signal: this.#stopped.signal }).catch(() => {});
      if (this.#stopped.signal.aborted) return;
      try {
        await this.start();
        this.#log.info({ platform: 'slack' }, 'connected to Slack again');
        return;
      } catch (error) {
        this.#log.warn({ platform: 'slack', err: error }, 'Slack could not be reached; trying again');
        pause = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause * 2));
      }
    }
  }
}
