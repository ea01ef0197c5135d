import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  defaultProcessEventErrorHandler,
  HTTPModuleFunctions,
  HTTPReceiver,
  type Receiver,
  SocketModeReceiver,
} from '@slack/bolt';
import pRetry from 'p-retry';
import { codeOf, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Config, ROTATES, type SlackConnection } from '../../config.ts';
import { apiOptions, boltLogger, type SlackApi, slackCode } from './api.ts';
import { takeSignedRequestsOnly } from './signed-requests.ts';

/** Thrown for an event that is to be left unacknowledged, so that Slack sends it again. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
}

/** How Slack's events come in. */
export interface Intake {
  readonly receiver: Receiver;
  /** @returns how Slack reaches the bot, in words */
  start(): Promise<string>;
  stop(): Promise<void>;
}

export function createIntake(connection: SlackConnection, config: Config, log: Logger): Intake {
  return connection.kind === 'socket' ? socketIntake(connection.appToken, config, log) : httpIntake(connection, log);
}

function socketIntake(appToken: string, config: Config, log: Logger): Intake {
  const socket = new SlackSocket(appToken, config, log);
  return {
    receiver: socket.receiver,
    async start() {
      try {
        await socket.start();
      } catch (error) {
        throw refused(error, 'SLACK_APP_TOKEN', 'an app-level token with the scope connections:write');
      }
      return 'over Socket Mode';
    },
    stop: () => socket.stop(),
  };
}

function httpIntake({ signingSecret, host, port }: Extract<SlackConnection, { kind: 'http' }>, log: Logger): Intake {
  const receiver = new HTTPReceiver({
    signingSecret,
    logger: boltLogger(log),
    processEventErrorHandler: async (failed) => {
      if (!(failed.error instanceof NotNow)) return await HTTPModuleFunctions.defaultProcessEventErrorHandler(failed);
      failed.response.writeHead(503).end();
      return false;
    },
  });
  takeSignedRequestsOnly(receiver, signingSecret, log);
  let started = false;
  return {
    receiver,
    async start() {
      try {
        const server = await receiver.start({ host, port });
        started = true;
        return `at port ${(server.address() as AddressInfo).port} of ${host}, path /slack/events`;
      } catch (error) {
        const code = codeOf(error);
        if (code === undefined) throw error;
        const setting = code === 'EADDRINUSE' || code === 'EACCES' ? 'SLACK_PORT' : 'SLACK_HOST';
        throw new UserError(
          'bad-config',
          `Slack’s requests cannot come in at port ${port} of ${host} (${code}). Set ${setting} to another one.`,
        );
      }
    },
    async stop() {
      if (started) await receiver.stop();
      started = false;
    },
  };
}

/** Who the bot is. @throws UserError 'bad-config' where Slack does not take the token, or not for long */
export async function whoAmI(api: SlackApi) {
  try {
    const answer = await api.auth.test();
    if (answer.expires_in !== undefined) throw new UserError('bad-config', `SLACK_BOT_TOKEN ${ROTATES}.`);
    const { user_id: userId, user: name, team, bot_id: botId, enterprise_id: enterpriseId } = answer;
    // The token of an app that a whole organisation has installed may name no workspace.
    const { team_id: teamId = enterpriseId } = answer;
    if (!userId || !teamId) throw new Error('Slack does not say whose the bot token is');
    return {
      userId,
      teamId,
      name: name ?? 'emotions',
      team: team ?? teamId,
      ...(botId && { botId }),
      ...(enterpriseId && { enterpriseId }),
    };
  } catch (error) {
    throw refused(error, 'SLACK_BOT_TOKEN', 'the Bot User OAuth Token of an installed app');
  }
}

function refused(error: unknown, setting: string, expected: string): unknown {
  const code = slackCode(error);
  if (code === 'token_expired') return new UserError('bad-config', `${setting} ${ROTATES}.`, { cause: error });
  if (code !== undefined)
    return new UserError('bad-config', `Slack refuses ${setting} (${code}). It must be ${expected}.`);
  if (error instanceof Error && 'code' in error && error.code === 'slack_webapi_request_error') {
    return new UserError('bad-config', 'Slack cannot be reached. Is this machine connected to the internet?', {
      cause: error,
    });
  }
  return error;
}

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
