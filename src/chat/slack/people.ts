import QuickLRU from 'quick-lru';
import type { User } from '../../../commands/request.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { PlatformContext } from '../platform.ts';
import { isOperator } from '../rights.ts';
import type { SlackApi } from './api.ts';
import { inSlackWords } from './errors.ts';
import type { Me } from './identity.ts';

/** People of whom it is remembered whether they are bots, at least; that never changes. */
const MAX_REMEMBERED = 2000;

/** Slack tells of its own bot as of a person. */
const SLACKBOT = 'USLACKBOT';

/** A conversation of only one person and the bot, or of two people; the id's first letter says so. */
export function isDirect(channel: string): boolean {
  return channel.startsWith('D');
}

/** Whose answer it is: who may have it removed, and say whether it was right, besides admins. */
export interface Holders {
  /** Who posted the picture. */
  readonly by: string;
  /** Who put it on Slack first, where that is somebody else. */
  readonly owner?: string;
  /** Who asked about it, where that is somebody else again. */
  readonly asker?: string;
}

/** What of the bot people are known by. */
type Identity = Pick<Me, 'name' | 'teamId' | 'enterpriseId'>;

/** Who people are, as far as rights depend on it: Slack is asked each time, since rights change. */
export class People {
  readonly #api: SlackApi;
  readonly #config: Config;
  readonly #log: Logger;
  readonly #me: Identity;
  readonly #isAlone: boolean;
  readonly #team: string;
  readonly #bots: QuickLRU<string, boolean>;

  /**
   * @param isAlone whether the bot is in no other workspace
   * @param team the workspace that people ask in, where the bot's token is a whole organisation's
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

  /** The same people as those of a workspace that an event comes from. */
  in(team: string | undefined): People {
    if (team === undefined || team === this.#team || !this.#isOrganisations) return this;
    return new People(this.#api, { config: this.#config, log: this.#log }, this.#me, this.#isAlone, team, this.#bots);
  }

  /** Whether the bot's token is a whole organisation's, and names no workspace. */
  get #isOrganisations(): boolean {
    return this.#me.teamId === this.#me.enterpriseId;
  }

  /** Whether a user id is Slack's own bot's or another app's; false where Slack does not say. */
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
      // Most bots are known by their messages' bot_id; not answering people would be the worse mistake.
      return false;
    }
  }

  /**
   * Whether somebody administers the workspace: guests from others never do. In an organisation a person has one account for all its
   * workspaces, and `team_id` may be another one of those; to a token of all of them Slack tells of a person as of that one alone.
   * @param team the workspace; that which people ask in unless told
   */
  async isAdmin(id: string, team = this.#team): Promise<boolean> {
    const { user } = await inSlackWords(this.#me.name, () => this.#api.users.info({ user: id }));
    if (user === undefined || user.deleted || user.is_bot || user.is_stranger) return false;
    const isHere = user.team_id === undefined || user.team_id === team;
    const { enterprise_id: enterprise = user.enterprise_id, teams, ...organisation } = user.enterprise_user ?? {};
    const isColleague = enterprise !== undefined && enterprise === this.#me.enterpriseId;
    if (isColleague && (organisation.is_admin || organisation.is_owner)) return true;
    const isMember = isColleague && !this.#isOrganisations && (teams?.includes(team) ?? true);
    return (isHere || isMember) && (user.is_admin === true || user.is_owner === true);
  }

  /** What others call somebody; the id where Slack does not say. */
  async displayName(id: string): Promise<string> {
    try {
      const { user } = await this.#api.users.info({ user: id });
      return user?.profile?.display_name || user?.real_name || user?.name || id;
    } catch (err) {
      this.#log.warn({ platform: 'slack', err }, 'Slack does not say what somebody is called');
      // A name is not worth failing for.
      return id;
    }
  }

  /** Whether a person may have an answer removed: those whose it is, and admins. */
  async mayRemove(channel: string, person: string, { by, owner, asker }: Holders): Promise<boolean> {
    return [by, owner, asker].includes(person) || (!isDirect(channel) && (await this.isAdmin(person)));
  }

  user(id: string, isDirect: boolean): User {
    const { teamId, enterpriseId } = this.#me;
    const { teams } = this.#config.operator;
    // The operator may have named the organisation in place of its workspace. Where none is named, the machine is the token's owner's.
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
