import { UserError } from '../../base/errors.ts';
import { ROTATES } from '../../config-slack.ts';
import type { SlackApi } from './api.ts';
import { settingRefused } from './errors.ts';

/** The bot's account on Slack. */
export interface Me {
  readonly userId: string;
  /** The name that it is invited by. */
  readonly name: string;
  /** Id of the workspace that it is installed in. */
  readonly teamId: string;
  /** Name of the workspace. */
  readonly team: string;
  /** The id that its own messages may have instead of its user id. */
  readonly botId?: string;
  /** Id of the organisation that the workspace belongs to, if any. */
  readonly enterpriseId?: string;
}

/**
 * Asks Slack which account the configured token belongs to.
 * @throws UserError 'bad-config' where Slack does not accept the token, or the token expires
 */
export async function whoAmI(api: SlackApi): Promise<Me> {
  try {
    return await identify(api, 'SLACK_BOT_TOKEN');
  } catch (error) {
    throw botTokenRefused(error);
  }
}

/** Turns Slack's refusal of the configured token into a UserError; returns other errors as they are. */
export function botTokenRefused(error: unknown): unknown {
  return settingRefused(error, 'SLACK_BOT_TOKEN', 'the Bot User OAuth Token of an installed app');
}

/**
 * Asks Slack which account a token belongs to.
 * @param what the token, in words
 * @throws UserError 'bad-config' where the token expires by itself; the client's error where Slack does not accept it
 */
export async function identify(api: SlackApi, what: string): Promise<Me> {
  const answer = await api.auth.test();
  if (answer.expires_in !== undefined) throw new UserError('bad-config', `${what} ${ROTATES}.`);
  const { user_id: userId, user: name, team, bot_id: botId, enterprise_id: enterpriseId } = answer;
  // If a whole organisation has installed the app, its token may name no workspace.
  const teamId = answer.team_id || enterpriseId;
  if (!userId || !teamId) throw new Error('Slack does not say which account the bot token belongs to');
  return {
    userId,
    teamId,
    name: name ?? 'emotions',
    team: team ?? teamId,
    ...(botId && { botId }),
    ...(enterpriseId && { enterpriseId }),
  };
}
