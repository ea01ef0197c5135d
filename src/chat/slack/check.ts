import { webApi } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { SlackConnection, SlackInstaller } from '../../config-slack.ts';
import type { ChatCheck } from '../check.ts';
import { apiOptions } from './api.ts';
import { settingRefused, slackCode } from './errors.ts';
import { botTokenRefused, whoAmI } from './identity.ts';
import { SCOPES } from './install-pages.ts';

const TIMEOUT_MS = 10_000;

/**
 * Asks Slack which bot the tokens belong to, and whether they allow what the bot does. The signing secret cannot be checked.
 * @throws UserError 'bad-config' where Slack does not accept a token, 'busy' where it cannot be reached
 */
export async function checkSlack(config: Config, log: Logger): Promise<ChatCheck> {
  const slack = config.slack!;
  // A pause that Slack asks for may be minutes long. Whoever asks is told instead.
  const noWait = { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true };
  const options = { ...apiOptions(config, log), timeout: TIMEOUT_MS, ...noWait };
  if ('installer' in slack) return await checkInstaller(slack.installer, options);
  const { botToken, connection } = slack;
  const client = new webApi.WebClient(botToken, options);
  const me = await whoAmI(client);
  const { response_metadata } = await client.auth.test().catch((error: unknown) => {
    throw botTokenRefused(error);
  });
  if (connection.kind === 'socket') await openSocket(connection.appToken, options);
  const way = wayOf(connection);
  const scopes = response_metadata?.scopes;
  const missing = scopes === undefined ? [] : SCOPES.filter((scope) => !scopes.includes(scope));
  return {
    about: `the tokens of ${me.name} in ${me.team}, for ${way}`,
    problems:
      missing.length === 0
        ? []
        : [
            {
              what: `${missing.length === 1 ? 'the scope' : 'the scopes'} ${missing.join(', ')} missing`,
              remedy:
                'Put slack-manifest.yaml under App Manifest at https://api.slack.com/apps, then Install App > Reinstall.',
            },
          ],
  };
}

function wayOf(connection: SlackConnection): string {
  if (connection.kind === 'http') return `HTTP at port ${connection.port}`;
  return connection.sockets === 1 ? 'Socket Mode' : `Socket Mode with ${connection.sockets} sockets`;
}

/** Tests the app token by asking for a socket's address. Nothing connects to it. */
async function openSocket(appToken: string, options: webApi.WebClientOptions): Promise<void> {
  try {
    await new webApi.WebClient(appToken, { ...options, retryConfig: { retries: 0 } }).apps.connections.open({});
  } catch (error) {
    throw settingRefused(error, 'SLACK_APP_TOKEN', 'an app-level token with the scope connections:write');
  }
}

/**
 * Tests client ID and secret with an invalid code. Slack checks the client before it refuses the code, so its error tells which one is
 * wrong.
 */
async function checkInstaller(
  { clientId, clientSecret }: SlackInstaller,
  options: webApi.WebClientOptions,
): Promise<ChatCheck> {
  try {
    await new webApi.WebClient(undefined, options).oauth.v2.access({
      client_id: clientId,
      client_secret: clientSecret,
      code: 'none',
    });
  } catch (error) {
    if (slackCode(error) !== 'invalid_code')
      throw settingRefused(error, 'SLACK_CLIENT_ID or SLACK_CLIENT_SECRET', 'that of the page "Basic Information"');
  }
  return { about: 'client ID and secret, for every workspace that installs the bot', problems: [] };
}
