import { type Claims, closedChannels } from '../claims.ts';
import type { PlatformContext } from '../platform.ts';
import type { Session } from '../session.ts';
import { createApi, createLookBack, createPosting, type SlackApi } from './api.ts';
import type { Me } from './identity.ts';
import { People } from './people.ts';
import { Uploads } from './uploads.ts';

/** The part of the context that all workspaces share. */
export interface SlackShared extends Pick<PlatformContext, 'config' | 'log' | 'commands' | 'opinions'> {
  readonly session: Session;
  /** When the bot was started, in milliseconds since 1970. It does not remember what it sent before that. */
  readonly startedAt: number;
}

/**
 * What the bot needs to answer in one workspace. Each workspace has its own clients: if Slack makes one wait, the others are still
 * answered.
 */
export interface SlackContext extends SlackShared {
  readonly api: SlackApi;
  /** A separate client, for messages that must not be posted twice. */
  readonly posting: SlackApi;
  /** A separate client, for reading earlier messages. */
  readonly lookBack: SlackApi;
  readonly uploads: Uploads;
  readonly people: People;
  /** Channels whose people have been told that the bot cannot answer there. */
  readonly closed: Claims;
  readonly token: string;
  readonly me: Me;
  /** Which of many workspaces it is; absent where the configuration holds the token of a single one. */
  readonly place?: string;
}

/** @param place absent where the bot is in one workspace only */
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
    // Created when it is first used, since most workspaces never need it.
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
