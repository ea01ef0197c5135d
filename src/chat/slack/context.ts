import { type Claims, closedChannels } from '../claims.ts';
import type { PlatformContext } from '../platform.ts';
import type { Session } from '../session.ts';
import { createApi, createLookBack, createPosting, type SlackApi } from './api.ts';
import type { Me } from './identity.ts';
import { People } from './people.ts';
import { Uploads } from './uploads.ts';

/** What all workspaces share. */
export interface SlackShared extends Pick<PlatformContext, 'config' | 'log' | 'commands' | 'opinions'> {
  readonly session: Session;
  /** In milliseconds since 1970; what the bot said before, it does not remember. */
  readonly startedAt: number;
}

/** What answering in one workspace takes. Each has clients of its own: one that Slack has wait keeps no other from being answered. */
export interface SlackContext extends SlackShared {
  readonly api: SlackApi;
  /** Another client, for what must not be posted twice. */
  readonly posting: SlackApi;
  /** Another one, for looking through messages. */
  readonly lookBack: SlackApi;
  readonly uploads: Uploads;
  readonly people: People;
  /** Channels whose people have been told that the bot cannot answer there. */
  readonly closed: Claims;
  readonly token: string;
  readonly me: Me;
  /** Which of many workspaces it is; absent where the configuration names the only one. */
  readonly place?: string;
}

/** @param place absent where the bot is in no other workspace */
export function createContext(
  shared: SlackShared,
  { token, me }: { token: string; me: Me },
  place?: string,
): SlackContext {
  const { config, log } = shared;
  const api = createApi(token, config, log);
  const posting = createPosting(token, config, log);
  let lookBack: SlackApi | undefined;
  return {
    ...shared,
    api,
    // Most workspaces never need it.
    get lookBack() {
      lookBack ??= createLookBack(token, config, log);
      return lookBack;
    },
    posting,
    uploads: new Uploads(api, posting, log),
    people: new People(api, shared, me, place === undefined),
    closed: closedChannels(),
    token,
    me,
    ...(place !== undefined && { place }),
  };
}
