import { Events, GatewayCloseCodes } from 'discord.js';
import type { Channel } from '../../../commands/request.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { Session } from '../session.ts';
import { messageOf } from './attachment.ts';
import { toChannel } from './channel.ts';
import { type Connection, connect, connectWithoutContent } from './connect.ts';
import type { DiscordContext } from './context.ts';
import { isGone, lacksPermission } from './errors.ts';
import { listenToInteractions } from './listeners/interactions.ts';
import { listenToMessages } from './listeners/messages.ts';
import { listenToRemovals } from './listeners/removals.ts';
import { inviteLink, maySpeak, Refusals } from './permissions.ts';

/** Discord: posted pictures, slash commands, a message menu and a button. */
export class DiscordPlatform implements Platform {
  readonly name = 'discord';
  readonly #context: PlatformContext;
  readonly #session: Session;
  readonly #refusals: Refusals;
  readonly #startedAt = Date.now();
  readonly #stopped = new AbortController();
  #connection: Connection | undefined;

  constructor(context: PlatformContext) {
    const { log, dispatch } = context;
    this.#context = context;
    this.#session = new Session({ platform: this.name, log, dispatch, messageOf });
    this.#refusals = new Refusals(log);
  }

  async start(): Promise<string> {
    const { config, log } = this.#context;
    const connection = await connect(config, log, this.#stopped.signal);
    await this.#use(connection);
    const { client, seesEverything } = connection;
    const servers = client.guilds.cache.size;
    return [
      `On Discord as ${client.user.username}, in ${servers === 1 ? '1 server' : `${servers} servers`}`,
      ...(servers === 0 ? [`invite me: ${inviteLink(client.application.id)}`] : []),
      ...(seesEverything
        ? []
        : ['without the Message Content Intent: I answer photos that mention me, direct messages and commands only']),
    ].join('; ');
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#session.stop(deadline);
    this.#stopped.abort(new Error('the bot is stopping'));
    await this.#connection?.client.destroy();
  }

  async channel(id: string): Promise<Channel | undefined> {
    const client = this.#connection?.client;
    if (client === undefined) return undefined;
    try {
      const channel = await client.channels.fetch(id);
      return channel?.isSendable() && maySpeak(channel) ? toChannel(channel, client.user.id) : undefined;
    } catch (error) {
      if (isGone(error) || lacksPermission(error)) return undefined;
      throw error;
    }
  }

  /** @throws the reason where the bot was stopped while it connected */
  async #use(connection: Connection): Promise<void> {
    const { client, seesEverything } = connection;
    if (this.#stopped.signal.aborted) {
      await client.destroy();
      throw this.#stopped.signal.reason;
    }
    this.#connection = connection;
    const context: DiscordContext = {
      ...this.#context,
      client,
      seesEverything,
      session: this.#session,
      refusals: this.#refusals,
    };
    const guard = (work: () => unknown) => this.#guard(work);
    listenToMessages(context, guard);
    listenToInteractions(context, guard);
    listenToRemovals(context, guard, this.#startedAt);
    client.on(Events.ShardDisconnect, ({ code }) => guard(() => this.#onDisconnect(code)));
  }

  /** The edge for everything that no request's dispatch catches: an error in a listener would end the process. */
  #guard(work: () => unknown): void {
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        this.#context.log.error({ platform: this.name, err: error }, 'an event could not be handled');
      });
  }

  /** The client reconnects by itself except after these codes. */
  async #onDisconnect(code: number): Promise<void> {
    if (this.#session.isStopping) return;
    const { config, log } = this.#context;
    if (code === GatewayCloseCodes.DisallowedIntents) {
      await this.#connection?.client.destroy();
      await this.#use(await connectWithoutContent(config, log, this.#stopped.signal));
      return;
    }
    log.fatal({ platform: this.name, code }, 'Discord ended the connection for good; is the token still valid?');
  }
}
