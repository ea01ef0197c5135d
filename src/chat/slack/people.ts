import QuickLRU from 'quick-lru';
import type { User } from '../../../commands/request.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { PlatformContext } from '../platform.ts';
import { isOperator } from '../rights.ts';
import type { SlackApi } from './api.ts';
import { withExplainedErrors } from './errors.ts';
import type { Me } from './identity.ts';

/** For at least this many people it is remembered whether they are bots, which never changes. */
const MAX_REMEMBERED = 2000;

/** Id of Slack's own bot, which Slack reports as a person. */
const SLACKBOT = 'USLACKBOT';

/** Whether a channel is a conversation of one person and the bot, or of two people. The id's first letter tells. */
export function isDirect(channel: string): boolean {
  return channel.startsWith('D');
}

/** The people who may remove an answer and judge it, besides admins. */
export interface Holders {
  /** Id of the person who posted the picture. */
  readonly by: string;
  /** Id of the person who uploaded it, where that is somebody else. */
  readonly owner?: string;
  /** Id of the person who asked about it, where that is neither of them. */
  readonly asker?: string;
}

/** The part of the bot's identity that is needed to look up people. */
type Identity = Pick<Me, 'name' | 'teamId' | 'enterpriseId'>;

/** Looks up people and their rights. Slack is asked each time, since rights change. */
export class People {
  readonly #api: SlackApi;
  readonly #config: Config;
  readonly #log: Logger;
  readonly #me: Identity;
  readonly #isAlone: boolean;
  readonly #team: string;
  readonly #bots: QuickLRU<string, boolean>;

  /**
   * @param isAlone true where the bot is in no other workspace
   * @param team id of the workspace that people ask in, where the bot's token belongs to a whole organisation
   */
  constructor(
    api: SlackApi,
    { config, log }: Pick<PlatformContext, 'config' | 'log'>,
    me: Identity,
    isAlone = true,
    team = me.teamId,
    bots = new QuickLRU<string, boolean>({ maxSize: MAX_REMEMBERED }),
  ) {
    this.#api = api;
    this.#config = config;
    this.#log = log;
    this.#me = me;
    this.#isAlone = isAlone;
    this.#team = team;
    this.#bots = bots;
  }

  /** The same lookup for people of the workspace that an event comes from. */
  in(team: string | undefined): People {
    if (team === undefined || team === this.#team || !this.#isOrganisations) return this;
    return new People(this.#api, { config: this.#config, log: this.#log }, this.#me, this.#isAlone, team, this.#bots);
  }

  /** Whether the bot's token belongs to a whole organisation and names no workspace. */
  get #isOrganisations(): boolean {
    return this.#me.teamId === this.#me.enterpriseId;
  }

  /** Whether a user id belongs to Slack's own bot or to an app; false where Slack does not say. */
  async isBot(id: string): Promise<boolean> {
    if (id === SLACKBOT) return true;
    const known = this.#bots.get(id);
    if (known !== undefined) return known;
    try {
      const { user } = await this.#api.users.info({ user: id });
      const isBot = user?.is_bot === true;
      this.#bots.set(id, isBot);
      return isBot;
    } catch (err) {
      this.#log.warn({ platform: 'slack', err }, 'Slack does not say whether somebody is a bot');
      // Most bots are recognised by the bot_id of their messages. Not answering people would be the worse mistake.
      return false;
    }
  }

  /**
   * Whether somebody administers the workspace; guests from other workspaces never do. In an organisation a person has one account for
   * all workspaces, and `team_id` may name another one of them. To a token of the whole organisation, Slack reports a person's rights in
   * the workspace of `team_id` only.
   * @param team id of the workspace; by default the one that people ask in
   */
  async isAdmin(id: string, team = this.#team): Promise<boolean> {
    const { user } = await withExplainedErrors(this.#me.name, () => this.#api.users.info({ user: id }));
    if (user === undefined || user.deleted || user.is_bot || user.is_stranger) return false;
    const isHere = user.team_id === undefined || user.team_id === team;
    const { enterprise_id: enterprise = user.enterprise_id, teams, ...organisation } = user.enterprise_user ?? {};
    const isColleague = enterprise !== undefined && enterprise === this.#me.enterpriseId;
    if (isColleague && (organisation.is_admin || organisation.is_owner)) return true;
    const isMember = isColleague && !this.#isOrganisations && (teams?.includes(team) ?? true);
    return (isHere || isMember) && (user.is_admin === true || user.is_owner === true);
  }

  /** The name of a person as others see it; the id where Slack does not say. */
  async displayName(id: string): Promise<string> {
    try {
      const { user } = await this.#api.users.info({ user: id });
      return user?.profile?.display_name || user?.real_name || user?.name || id;
    } catch (err) {
      this.#log.warn({ platform: 'slack', err }, 'Slack does not say the name of a person');
      // A missing name is no reason to fail.
      return id;
    }
  }

  /** Whether a person may remove an answer: its holders may, and admins. */
  async mayRemove(channel: string, person: string, { by, owner, asker }: Holders): Promise<boolean> {
    return [by, owner, asker].includes(person) || (!isDirect(channel) && (await this.isAdmin(person)));
  }

  user(id: string, isDirect: boolean): User {
    const { teamId, enterpriseId } = this.#me;
    const { teams } = this.#config.operator;
    // The operator may have named the organisation instead of its workspace. If nothing is named, the token's own workspace counts.
    const isNamed = enterpriseId !== undefined && teams.includes(enterpriseId);
    const team = teams.length === 0 ? teamId : this.#team;
    const place = { isDirect, home: isNamed ? enterpriseId : team };
    const rule = { homes: teams, memberships: () => (this.#isAlone ? [teamId] : []) };
    return {
      id,
      displayName: () => this.displayName(id),
      isAdmin: async () => !isDirect && (await this.isAdmin(id)),
      isOperator: () => isOperator(place, rule, () => this.isAdmin(id, team)),
    };
  }
}
