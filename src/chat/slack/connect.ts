import type { AddressInfo } from 'node:net';
import { HTTPReceiver, type Receiver } from '@slack/bolt';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config, SlackConnection } from '../../config.ts';
import type { SlackApi } from './api.ts';
import { slackCode } from './errors.ts';
import { boltLogger } from './logger.ts';
import { SlackSocket } from './socket.ts';

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

function httpIntake({ signingSecret, port }: Extract<SlackConnection, { kind: 'http' }>, log: Logger): Intake {
  const receiver = new HTTPReceiver({ signingSecret, logger: boltLogger(log) });
  let started = false;
  return {
    receiver,
    async start() {
      try {
        const server = await receiver.start(port);
        started = true;
        return `at port ${(server.address() as AddressInfo).port}, path /slack/events`;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
        throw new UserError(
          'bad-config',
          `Slack’s requests cannot come in at port ${port} (${code}). Set SLACK_PORT to another one.`,
        );
      }
    },
    async stop() {
      if (started) await receiver.stop();
      started = false;
    },
  };
}

/** Who the bot is. @throws UserError 'bad-config' where Slack does not take the token */
export async function whoAmI(api: SlackApi) {
  try {
    const { user_id: userId, user: name, team_id: teamId, team, bot_id: botId } = await api.auth.test();
    if (!userId || !teamId) throw new Error('Slack does not say whose the bot token is');
    return { userId, teamId, name: name ?? 'emotions', team: team ?? teamId, ...(botId && { botId }) };
  } catch (error) {
    throw refused(error, 'SLACK_BOT_TOKEN', 'the Bot User OAuth Token of an installed app');
  }
}

function refused(error: unknown, setting: string, expected: string): unknown {
  const code = slackCode(error);
  if (code !== undefined)
    return new UserError('bad-config', `Slack refuses ${setting} (${code}). It must be ${expected}.`);
  if (error instanceof Error && 'code' in error && error.code === 'slack_webapi_request_error') {
    return new UserError('bad-config', 'Slack cannot be reached. Is this machine connected to the internet?', {
      cause: error,
    });
  }
  return error;
}
