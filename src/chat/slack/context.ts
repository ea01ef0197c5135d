import type { PlatformContext } from '../platform.ts';
import type { Session } from '../session.ts';
import type { SlackApi } from './api.ts';
import type { Me } from './identity.ts';
import type { People } from './people.ts';
import type { Uploads } from './uploads.ts';

/** What answering in Slack takes. */
export interface SlackContext extends Pick<PlatformContext, 'config' | 'log' | 'commands'> {
  readonly api: SlackApi;
  /** Another client, for looking through messages. */
  readonly lookBack: SlackApi;
  readonly uploads: Uploads;
  readonly people: People;
  readonly token: string;
  readonly session: Session;
  readonly me: Me;
  /** In milliseconds since 1970; what the bot said before, it does not remember. */
  readonly startedAt: number;
}
