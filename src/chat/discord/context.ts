import type { Client } from 'discord.js';
import { hasPart } from '../../config-discord.ts';
import type { PlatformContext } from '../platform.ts';
import { isOperator } from '../rights.ts';
import type { Session } from '../session.ts';
import type { Refusals } from './permissions.ts';

/** What all requests of one connection share. */
export interface DiscordContext extends PlatformContext {
  readonly client: Client<true>;
  readonly session: Session;
  readonly refusals: Refusals;
  /** Whether Discord lets the bot see the pictures of messages that are not addressed to it. */
  readonly seesEverything: boolean;
  /** When the bot was started, in milliseconds since 1970: it does not remember what it said before. */
  readonly startedAt: number;
  /** Takes note of the last message of a channel that was looked at. */
  seen(channel: string, message: string): void;
  /**
   * Runs what a listener does about an event; what that throws goes into the log, where else it would end the process. A stop
   * waits for it.
   */
  guard(work: () => unknown): void;
}

/** Whether an admin of a server is one of the operator's; see `isOperator` in rights.ts. */
export async function isOperatorAt(
  context: DiscordContext,
  guildId: string | null,
  isAdmin: () => Promise<boolean>,
): Promise<boolean> {
  const place = guildId === null ? { isDirect: true } : { isDirect: false, home: guildId };
  const { discord, operator } = context.config;
  // Some shards know of some servers only: of how many the bot is in, nobody here can tell.
  const memberships = () => (hasPart(discord) ? [] : context.client.guilds.cache.keys());
  const rule = { homes: operator.guilds, memberships };
  return await isOperator(place, rule, isAdmin);
}
