import { UserError } from '../../base/errors.ts';
import { ROTATES } from '../../config-slack.ts';
import type { SlackApi } from './api.ts';
import { settingRefused } from './errors.ts';

/** Who the bot is on Slack. */
export interface Me {
  readonly userId: string;
  /** What it is invited by. */
  readonly name: string;
  /** The workspace that it is installed in. */
  readonly teamId: string;
  /** What the workspace is called. */
  readonly team: string;
  /** What its own messages may come with in place of its user id. */
  readonly botId?: string;
  /** The organisation that the workspace belongs to, if it belongs to one. */
  readonly enterpriseId?: string;
}

/**
 * Asks Slack whose the bot's token is.
 * @throws UserError 'bad-config' where Slack does not take the token, or not for long
 */
export async function whoAmI(api: SlackApi): Promise<Me> {
  try {
    return await identify(api, 'SLACK_BOT_TOKEN');
  } catch (error) {
    throw settingRefused(error, 'SLACK_BOT_TOKEN', 'the Bot User OAuth Token of an installed app');
  }
}

/**
 * Asks Slack whose a token is.
 * @param what the token, in words
 * @throws UserError 'bad-config' where it is one that ends by itself; what the client throws where Slack does not take it
 */
export async function identify(api: SlackApi, what: string): Promise<Me> {
  const answer = await api.auth.test();
  if (answer.expires_in !== undefined) throw new UserError('bad-config', `${what} ${ROTATES}.`);
  const { user_id: userId, user: name, team, bot_id: botId, enterprise_id: enterpriseId } = answer;
  // The token of an app that a whole organisation has installed may name no workspace.
  const teamId = answer.team_id || enterpriseId;
  if (!userId || !teamId) throw new Error('Slack does not say whose the bot token is');
  return {
    userId,
    teamId,
    name: name ?? 'emotions',
    team: team ?? teamId,
    ...(botId && { botId }),
    ...(enterpriseId && { enterpriseId }),
  };
}
