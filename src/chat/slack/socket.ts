import { setTimeout as delay } from 'node:timers/promises';
import { defaultProcessEventErrorHandler, SocketModeReceiver } from '@slack/bolt';
import pRetry from 'p-retry';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { apiOptions, boltLogger } from './api.ts';
import { NotNow } from './errors.ts';

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
      processEventErrorHandler: async (failed) =>
        failed.error instanceof NotNow ? false : await defaultProcessEventErrorHandler(failed),
      autoReconnectEnabled: false,
      logger: boltLogger(log),
      installerOptions: { clientOptions: apiOptions(config, log) },
    });
    this.receiver.client.on('disconnected', () => void this.#onDisconnected());
    this.#surviveAnyMessage();
  }

  /** The library trusts the socket: what is no object with all that it looks for would end the process. */
  #surviveAnyMessage(): void {
    const { client } = this.receiver;
    for (const listener of client.listeners('ws_message')) {
      client.removeListener('ws_message', listener);
      client.on('ws_message', async (...message) => {
        try {
          await listener(...message);
        } catch (error) {
          this.#log.error({ platform: 'slack', err: error }, 'a message over the socket could not be understood');
        }
      });
    }
  }

  /** Whether events come in just now. */
  get isOpen(): boolean {
    return this.#connectedAt !== undefined && !this.#stopped.signal.aborted;
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
    const { signal } = this.#stopped;
    try {
      if (lasted < GOOD_MS) await delay(FIRST_PAUSE_MS, undefined, { signal });
      await pRetry(() => this.#startAgain(), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: FIRST_PAUSE_MS,
        maxTimeout: LONGEST_PAUSE_MS,
        signal,
      });
      this.#log.info({ platform: 'slack' }, 'connected to Slack again');
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #startAgain(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      this.#log.warn({ platform: 'slack', err: error }, 'Slack could not be reached; trying again');
      // An error of no special class: p-retry takes some for bugs, and gives up.
      throw new Error('Slack could not be reached', { cause: error });
    }
  }
}
