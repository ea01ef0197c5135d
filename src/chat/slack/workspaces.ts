import type { AuthorizeResult, AuthorizeSourceData, Context } from '@slack/bolt';
import type { SlackContext } from './context.ts';

/** Where an event comes from, as the library gives it. */
export type Source = Pick<AuthorizeSourceData<boolean>, 'teamId' | 'enterpriseId' | 'isEnterpriseInstall'>;

/** The workspaces that the bot answers in. */
export interface Workspaces {
  /**
   * The workspace that an event comes from.
   * @param isSentAgain whether Slack sends the event again where it is not acknowledged, as it does for messages, but not for commands.
   *   For others a workspace that is known from before is taken where it cannot be looked up, and nothing takes long
   * @throws NotNow where that cannot be looked up at the moment
   * @throws Error where the bot is not installed there
   */
  of(source: Source, isSentAgain: boolean): Promise<SlackContext>;
  /**
   * The workspace that a channel's id names; see `SlackContext.place`.
   * @returns undefined where the bot is not installed there any more
   */
  at(place: string | undefined): Promise<SlackContext | undefined>;
}

/** The single workspace of a token in the configuration, whatever an event says. */
export function oneWorkspace(context: SlackContext): Workspaces {
  return {
    of: async () => context,
    at: async () => context,
  };
}

/** What the library passes on to listeners beside an event. */
interface Authorized extends AuthorizeResult {
  readonly workspace: SlackContext;
}

/** The result of authorizing an event. The library passes the workspace in it on to the listeners. */
export function authorized(workspace: SlackContext): Authorized {
  return { workspace };
}

/** The workspace that an event comes from, out of the library's context. */
export function workspaceOf(context: Context): SlackContext {
  const { workspace, teamId } = context as Context & Authorized;
  const people = workspace.people.in(teamId);
  if (people === workspace.people) return workspace;
  return Object.create(workspace, { people: { value: people } }) as SlackContext;
}

/** Separates workspace and channel in a full channel id; it occurs in neither id. */
const SLASH = '/';

/** A channel's id that is unique over all workspaces; Slack's own id where the bot is in one workspace only. */
export function fullChannelId({ place }: Pick<SlackContext, 'place'>, channel: string): string {
  return place === undefined ? channel : `${place}${SLASH}${channel}`;
}

/** Splits the result of `fullChannelId` into the workspace and Slack's own id. */
export function channelParts(id: string): { readonly place?: string; readonly channel: string } {
  const at = id.lastIndexOf(SLASH);
  return at < 0 ? { channel: id } : { place: id.slice(0, at), channel: id.slice(at + 1) };
}
