import type { AddressInfo } from 'node:net';
import { HTTPModuleFunctions, HTTPReceiver, type HTTPReceiverOptions, type Receiver } from '@slack/bolt';
import { explainPort } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { SlackConnection } from '../../config-slack.ts';
import { boltLogger } from './api.ts';
import { NotNow, settingRefused } from './errors.ts';
import { takeSignedRequestsOnly } from './signed-requests.ts';
import { SlackSocket } from './socket.ts';

/** Receives Slack's events. */
export interface Intake {
  readonly receiver: Receiver;
  /** The library's installer, where people may install the bot. */
  readonly installer?: HTTPReceiver['installer'];
  /** Whether events can arrive at the moment. */
  readonly isOpen: boolean;
  /** @returns how Slack's events reach the bot, in words */
  start(): Promise<string>;
  stop(): Promise<void>;
}

/** @param installing options that let people install the bot, where they may; see `installPages` */
export function createIntake(
  connection: SlackConnection,
  config: Config,
  log: Logger,
  installing?: Partial<HTTPReceiverOptions>,
): Intake {
  if (connection.kind === 'socket') return socketIntake(connection, config, log);
  return httpIntake(connection, log, installing);
}

function socketIntake(
  { appToken, sockets: count }: Extract<SlackConnection, { kind: 'socket' }>,
  config: Config,
  log: Logger,
): Intake {
  const sockets = Array.from({ length: count }, () => new SlackSocket(appToken, config, log));
  const stop = async () => {
    await Promise.all(sockets.map((socket) => socket.stop()));
  };
  return {
    receiver: {
      init: (app) => {
        for (const { receiver } of sockets) receiver.init(app);
      },
      start: async () => {},
      stop,
    },
    // While one socket reconnects, Slack sends events to the others.
    get isOpen() {
      return sockets.some(({ isOpen }) => isOpen);
    },
    async start() {
      // Waits for all of them, since a socket that is still being opened cannot be closed.
      const opened = await Promise.allSettled(sockets.map((socket) => socket.start()));
      const failed = opened.find((result) => result.status === 'rejected');
      if (failed) {
        await stop();
        throw settingRefused(failed.reason, 'SLACK_APP_TOKEN', 'an app-level token with the scope connections:write');
      }
      return count === 1 ? 'over Socket Mode' : `over Socket Mode with ${count} sockets`;
    },
    stop,
  };
}

function httpIntake(
  { signingSecret, host, port }: Extract<SlackConnection, { kind: 'http' }>,
  log: Logger,
  installing: Partial<HTTPReceiverOptions> = {},
): Intake {
  const receiver = new HTTPReceiver({
    ...installing,
    signingSecret,
    logger: boltLogger(log),
    processEventErrorHandler: async (failed) => {
      if (!(failed.error instanceof NotNow)) return await HTTPModuleFunctions.defaultProcessEventErrorHandler(failed);
      // After three seconds the library has answered by itself, with a status after which Slack sends the event again too.
      if (!failed.response.headersSent) failed.response.writeHead(503).end();
      return false;
    },
  });
  takeSignedRequestsOnly(receiver, signingSecret, log);
  let started = false;
  return {
    receiver,
    installer: receiver.installer,
    get isOpen() {
      return started;
    },
    async start() {
      try {
        const server = await receiver.start({ host, port });
        started = true;
        return `at port ${(server.address() as AddressInfo).port} of ${host}, path /slack/events`;
      } catch (error) {
        const settings = { port: 'SLACK_PORT', host: 'SLACK_HOST' };
        throw explainPort(error, 'Slack’s requests cannot come in', { host, port }, settings);
      }
    },
    async stop() {
      if (started) await receiver.stop();
      started = false;
    },
  };
}
