import { type APIUser, type Client, ClientUser, Routes } from 'discord.js';
import QuickLRU from 'quick-lru';
import type { Removal, Turn } from '../../work/job-queue.ts';
import type { Job } from '../../work/journal.ts';
import { applyRemoval, type ChatWorker, type ChatWorkerContext } from '../chat-worker.ts';
import { Session } from '../session.ts';
import { messageOf } from './attachment.ts';
import { createClient } from './client.ts';
import type { DiscordContext } from './context.ts';
import { checkTokenForm, unlessClosed } from './errors.ts';
import { explainConnection } from './login.ts';
import { Refusals } from './permissions.ts';
import { accountOf } from './request.ts';
import { revive } from './revive.ts';

/** How long the worker trusts what Discord said about a server or a channel, in milliseconds. Without a gateway it hears of no changes. */
const TRUE_MS = 5 * 60_000;
/** How many servers, and how many channels, the cache keeps. */
const MAX_KEPT = 2000;

/** Answers on Discord over its REST interface alone. Without a gateway connection, any number of workers can share one token. */
export class DiscordWorker implements ChatWorker {
  readonly name = 'discord';
  readonly #platform: ChatWorkerContext;
  readonly #session: Session;
  #context: DiscordContext | undefined;
  /** Ids of the servers and channels that were fetched a short while ago. */
  readonly #known = new QuickLRU<string, true>({ maxSize: MAX_KEPT, maxAge: TRUE_MS });
  /** How many jobs are being answered in each channel. */
  readonly #inUse = new Map<string, number>();

  constructor(platform: ChatWorkerContext) {
    this.#platform = platform;
    const { log, dispatch } = platform;
    this.#session = new Session({
      platform: this.name,
      log,
      dispatch,
      messageOf,
      revive: (job) => revive(job, this.#context!),
    });
  }

  async start(): Promise<string> {
    const { config, log } = this.#platform;
    checkTokenForm(config.discord!.token);
    const client = createClient(config, log, true) as Client<true>;
    client.rest.setToken(config.discord!.token);
    try {
      const me = (await client.rest.get(Routes.user())) as APIUser;
      // The library does the same once the gateway has said who the bot is.
      client.user = Reflect.construct(ClientUser, [client, me]) as ClientUser;
      client.users.cache.set(me.id, client.user);
    } catch (error) {
      throw explainConnection(error);
    }
    this.#context = {
      ...this.#platform,
      client,
      session: this.#session,
      refusals: new Refusals(log),
      seesEverything: true,
      startedAt: Date.now(),
      markSeen: () => {},
      guard: (work) => void work(),
    };
    return accountOf(this.#context);
  }

  async perform(job: Job, turn: Turn): Promise<void> {
    const { place } = job;
    this.#inUse.set(place, (this.#inUse.get(place) ?? 0) + 1);
    try {
      await unlessClosed(() => this.#learn(place));
      await this.#session.perform(job, turn);
    } finally {
      const left = this.#inUse.get(place)! - 1;
      if (left > 0) this.#inUse.set(place, left);
      else this.#inUse.delete(place);
      this.#forgetOldest();
    }
  }

  onRemoval(removal: Removal): void {
    applyRemoval(this.#session, removal);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#session.stop(deadline);
    await this.#context?.client.destroy();
  }

  /** Fetches what the gateway would have announced: the channel, its server with the bot's rights there, and a thread's parent channel. */
  async #learn(id: string): Promise<void> {
    if (this.#known.has(id)) return;
    const { client } = this.#context!;
    const found = await client.channels.fetch(id, { force: true, cache: false, allowUnknownGuild: true });
    const guildId = found !== null && 'guildId' in found ? found.guildId : null;
    if (guildId !== null && !this.#known.has(guildId)) {
      const guild = await client.guilds.fetch({ guild: guildId, force: true });
      await guild.members.fetchMe({ force: true });
      this.#known.set(guildId, true);
    }
    const parentId = found?.isThread() ? found.parentId : null;
    if (parentId !== null) await client.channels.fetch(parentId, { force: true });
    await client.channels.fetch(id, { force: true });
    this.#known.set(id, true);
  }

  /** Drops the oldest servers and channels from the library's caches, which have no limit of their own. */
  #forgetOldest(): void {
    const { channels, guilds } = this.#context!.client;
    for (const { cache } of [channels, guilds]) {
      let surplus = cache.size - MAX_KEPT;
      for (const id of cache.keys()) {
        if (surplus <= 0) break;
        surplus -= 1;
        if (this.#inUse.has(id)) continue;
        cache.delete(id);
        this.#known.delete(id);
      }
    }
  }
}
