import { setTimeout as delay } from 'node:timers/promises';
import { defaultProcessEventErrorHandler, SocketModeReceiver } from '@slack/bolt';
import pRetry from 'p-retry';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { apiOptions, boltLogger } from './api.ts';
import { NotNow } from './errors.ts';

/** Milliseconds before a further try to connect, doubled each time up to `LONGEST_PAUSE_MS`. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** After a connection that lasted at least this long, in milliseconds, the next one is opened at once. */
const GOOD_MS = 10_000;
/** Milliseconds for opening a connection, until Slack's first message on it. The library itself would wait for ever. */
const GREETING_MS = 20_000;

/**
 * The socket that Slack's events arrive over. It is opened again whenever it ends, which Slack makes happen every few hours. The
 * library could do that, but it waits five seconds first and ends the process if Slack cannot be reached at that moment.
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

  /** Catches errors of the library's message listeners. A message without the fields that they expect would end the process. */
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

  /** Whether events can arrive at the moment. */
  get isOpen(): boolean {
    return this.#connectedAt !== undefined && !this.#stopped.signal.aborted;
  }

  /** @throws what the library throws where the first connection fails; UserError 'busy' where it ends before Slack's first message */
  async start(): Promise<void> {
    const { client } = this.receiver;
    let timer: NodeJS.Timeout | undefined;
    const limit = () => {
      timer = setTimeout(() => void client.disconnect(), GREETING_MS);
    };
    client.once('connecting', limit);
    try {
      await client.start();
    } catch (error) {
      // The library gives no reason then.
      throw error ?? new UserError('busy', 'Slack cannot be reached (it ends the connection). Is this machine online?');
    } finally {
      client.off('connecting', limit);
      clearTimeout(timer);
    }
    this.#connectedAt = Date.now();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.receiver.client.disconnect();
  }

  async #onDisconnected(): Promise<void> {
    // Failed tries fire this event too. Only the end of an established connection starts a round of tries.
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
      // A plain Error, since p-retry takes some error classes for bugs and gives up.
      throw new Error('Slack could not be reached', { cause: error });
    }
  }
}
