import type { AuthorizeResult, AuthorizeSourceData, Context } from '@slack/bolt';
import type { SlackContext } from './context.ts';

/** Where an event comes from, as the library reads it. */
export type Source = Pick<AuthorizeSourceData<boolean>, 'teamId' | 'enterpriseId' | 'isEnterpriseInstall'>;

/** The workspaces that the bot answers in. */
export interface Workspaces {
  /**
   * The one that an event comes from.
   * @throws NotNow where that cannot be looked up just now
   * @throws Error where the bot is not installed there
   */
  of(source: Source): Promise<SlackContext>;
  /**
   * The one that a channel's id names; see `SlackContext.place`.
   * @returns undefined where the bot is not installed there any more
   */
  at(place: string | undefined): Promise<SlackContext | undefined>;
}

/** The one workspace that a token of the configuration is for, whatever an event says. */
export function oneWorkspace(context: SlackContext): Workspaces {
  return {
    of: async () => context,
    at: async () => context,
  };
}

/** What the library hands to listeners beside an event. */
interface Given extends AuthorizeResult {
  readonly workspace: SlackContext;
}

/** Has the library hand the workspace to listeners that an event comes from. */
export function given(workspace: SlackContext): Given {
  return { workspace };
}

/** The workspace that an event comes from, by what the library hands on. */
export function workspaceOf(context: Context): SlackContext {
  const { workspace, teamId } = context as Context & Given;
  const people = workspace.people.in(teamId);
  if (people === workspace.people) return workspace;
  return Object.create(workspace, { people: { value: people } }) as SlackContext;
}

/** What stands between a workspace and a channel of it; in neither's id. */
const SLASH = '/';

/** A channel's id beyond its workspace: Slack's own where the bot is in one workspace only. */
export function fullChannelId({ place }: Pick<SlackContext, 'place'>, channel: string): string {
  return place === undefined ? channel : `${place}${SLASH}${channel}`;
}

/** The workspace and Slack's own id of a channel, by what `fullChannelId` gave. */
export function channelParts(id: string): { readonly place?: string; readonly channel: string } {
  const at = id.lastIndexOf(SLASH);
  return at < 0 ? { channel: id } : { place: id.slice(0, at), channel: id.slice(at + 1) };
}
