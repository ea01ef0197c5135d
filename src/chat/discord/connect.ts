import type { Client } from 'discord.js';
import { createClient } from './client.ts';
import type { DiscordContext } from './context.ts';
import { listenToInteractions } from './listeners/interactions.ts';
import { listenToMessages } from './listeners/messages.ts';
import { listenToRemovals } from './listeners/removals.ts';
import { logIn } from './login.ts';

/** Connects to Discord. @throws what `logIn` throws */
export async function connect(shared: Omit<DiscordContext, 'client'>, signal: AbortSignal): Promise<DiscordContext> {
  const client = createClient(shared.config, shared.log, shared.seesEverything);
  // Listeners are called only after Discord has said who the bot is, so the client is ready for them.
  const context = { ...shared, client: client as Client<true> };
  listenToMessages(context);
  listenToInteractions(context);
  listenToRemovals(context);
  await logIn(client, shared.config.discord!.token, signal);
  return context;
}
