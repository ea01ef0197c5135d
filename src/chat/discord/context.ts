import type { Client } from 'discord.js';
import { hasOnlySomeShards } from '../../config-discord.ts';
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
  /** When the bot was started, in milliseconds since 1970. It does not remember what it sent before that. */
  readonly startedAt: number;
  /** Records the last message of a channel that the bot has handled. */
  markSeen(channel: string, message: string): void;
  /**
   * Runs a listener's work on an event. Errors go into the log; without this they would end the process. `stop` waits for the
   * work.
   */
  guard(work: () => unknown): void;
}

/** Whether a person who asks in a server has the operator's rights; see `isOperator` in rights.ts. */
export async function isOperatorAt(
  context: DiscordContext,
  guildId: string | null,
  isAdmin: () => Promise<boolean>,
): Promise<boolean> {
  const place = guildId === null ? { isDirect: true } : { isDirect: false, home: guildId };
  const { discord, operator } = context.config;
  // A process with only some of the shards sees only some of the servers. It cannot tell how many the bot is in.
  const memberships = () => (hasOnlySomeShards(discord) ? [] : context.client.guilds.cache.keys());
  const rule = { homes: operator.guilds, memberships };
  return await isOperator(place, rule, isAdmin);
}
