import type { Client } from 'discord.js';
import type { PlatformContext } from '../platform.ts';
import { isOperator } from '../rights.ts';
import type { Refusals } from './refusals.ts';
import type { Sources } from './sources.ts';

/** What all requests of one connection share. */
export interface Desk extends PlatformContext {
  readonly client: Client<true>;
  readonly sources: Sources;
  readonly refusals: Refusals;
  /** Whether Discord lets the bot see the pictures of messages that are not addressed to it. */
  readonly seesEverything: boolean;
}

/** Whether an admin of a server is one of the operator's; see `isOperator` in rights.ts. */
export async function isOperatorAt(
  desk: Desk,
  guildId: string | null,
  isAdmin: () => Promise<boolean>,
): Promise<boolean> {
  const place = guildId === null ? { isDirect: true } : { isDirect: false, home: guildId };
  const rule = { homes: desk.config.operator.guilds, memberships: () => desk.client.guilds.cache.keys() };
  return await isOperator(place, rule, isAdmin);
}
