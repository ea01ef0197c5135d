import {
  ComponentType,
  Events,
  GatewayCloseCodes,
  GatewayDispatchEvents,
  type Interaction,
  type Message,
  MessageFlags,
  SnowflakeUtil,
} from 'discord.js';
import type { Channel, Request } from '../../../commands/request.ts';
import { aboutToRestart } from '../../base/errors.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { RunningRequests } from '../running-requests.ts';
import { READ_EMOTIONS } from './application-commands.ts';
import { type Connection, connect, connectWithoutContent } from './connect.ts';
import type { Desk } from './desk.ts';
import { isGone, lacksPermission } from './errors.ts';
import { type CommandInteraction, InteractionAnswer } from './interaction-answer.ts';
import { menuRequest, slashRequest } from './interaction-request.ts';
import { inviteLink } from './invite.ts';
import { isForTheBot, messageRequest } from './message-request.ts';
import { maySpeak } from './permissions.ts';
import { toChannel } from './place.ts';
import { Refusals } from './refusals.ts';
import { parseRemoveButton } from './remove-button.ts';
import { onRemoveClick } from './remove-click.ts';
import { Sources } from './sources.ts';
import { Typing } from './typing.ts';

/** Messages after a removed one that are looked through for answers of an earlier run of the bot. */
const LOOK_AHEAD = 100;

/** Discord: posted pictures, slash commands, a message menu and a button. */
export class DiscordPlatform implements Platform {
  readonly name = 'discord';
  readonly #context: PlatformContext;
  readonly #sources = new Sources();
  readonly #refusals: Refusals;
  /** With the channel that each came from. */
  readonly #running = new RunningRequests<string>();
  readonly #startedAt = Date.now();
  readonly #stopped = new AbortController();
  #connection: Connection | undefined;
  #stopping = false;

  constructor(context: PlatformContext) {
    this.#context = context;
    this.#refusals = new Refusals(context.log);
  }

  async start(): Promise<string> {
    const { config, log } = this.#context;
    const connection = await connect(config, log, this.#stopped.signal);
    const { client, seesEverything } = await this.#use(connection);
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
    this.#stopping = true;
    await this.#running.end(deadline);
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
  async #use(connection: Connection): Promise<Connection> {
    const { client, seesEverything } = connection;
    if (this.#stopped.signal.aborted) {
      await client.destroy();
      throw this.#stopped.signal.reason;
    }
    this.#connection = connection;
    const desk: Desk = {
      ...this.#context,
      client,
      seesEverything,
      sources: this.#sources,
      refusals: this.#refusals,
    };
    client.on(Events.MessageCreate, (message) => this.#guard(() => this.#onMessage(message, desk)));
    client.on(Events.InteractionCreate, (interaction) => this.#guard(() => this.#onInteraction(interaction, desk)));
    client.on(Events.ShardDisconnect, ({ code }) => this.#guard(() => this.#onDisconnect(code)));
    // Not the client's own events for these: it tells of messages that it remembers only.
    client.ws.on(GatewayDispatchEvents.MessageDelete, (data) =>
      this.#guard(() => this.#onRemoved(data.channel_id, [data.id])),
    );
    client.ws.on(GatewayDispatchEvents.MessageDeleteBulk, (data) =>
      this.#guard(() => this.#onRemoved(data.channel_id, data.ids)),
    );
    client.ws.on(GatewayDispatchEvents.ThreadDelete, (data) => this.#onChannelGone(data.id));
    client.ws.on(GatewayDispatchEvents.ChannelDelete, (data) => this.#onChannelGone(data.id));
    return connection;
  }

  /** The edge for everything that no request's dispatch catches: an error in a listener would end the process. */
  #guard(work: () => unknown): void {
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        this.#context.log.error({ platform: this.name, err: error }, 'an event could not be handled');
      });
  }

  #onMessage(message: Message, desk: Desk): void {
    if (this.#stopping || !isForTheBot(message, desk)) return;
    const typing = new Typing(this.#context.log);
    this.#serve(
      { channelId: message.channelId, sourceId: message.id },
      (signal) => messageRequest(message, desk, typing, signal),
      async () => typing.stop(),
    );
  }

  async #onInteraction(interaction: Interaction, desk: Desk): Promise<void> {
    if (interaction.isButton()) return await onRemoveClick(interaction);
    if (interaction.isChatInputCommand()) {
      return await this.#onCommand(
        interaction,
        (answer, signal) => slashRequest(interaction, desk, answer, signal),
        desk,
      );
    }
    if (interaction.isMessageContextMenuCommand() && interaction.commandName === READ_EMOTIONS) {
      await this.#onCommand(interaction, (answer, signal) => menuRequest(interaction, desk, answer, signal), desk);
    }
  }

  async #onCommand(
    interaction: CommandInteraction,
    toRequest: (answer: InteractionAnswer, signal: AbortSignal) => Request,
    desk: Desk,
  ): Promise<void> {
    if (this.#stopping) {
      await interaction.reply({ content: aboutToRestart().message, flags: MessageFlags.Ephemeral });
      return;
    }
    const answer = new InteractionAnswer(interaction, desk);
    const sourceId = interaction.isMessageContextMenuCommand() ? interaction.targetId : interaction.id;
    this.#serve(
      { channelId: interaction.channelId ?? interaction.id, sourceId },
      (signal) => toRequest(answer, signal),
      () => answer.end(),
    );
  }

  /** Has a request answered; `end` comes after the last word. */
  #serve(
    from: { readonly channelId: string; readonly sourceId: string },
    toRequest: (signal: AbortSignal) => Request,
    end: () => Promise<void>,
  ): void {
    const controller = new AbortController();
    this.#sources.begin(from.sourceId, controller);
    const answer = this.#context
      .dispatch(toRequest(controller.signal))
      .finally(end)
      .catch((error: unknown) => {
        this.#context.log.warn({ platform: this.name, err: error }, 'a request did not end cleanly');
      })
      .finally(() => this.#sources.end(from.sourceId, controller));
    this.#running.add(answer, controller, from.channelId);
  }

  async #onRemoved(channelId: string, ids: readonly string[]): Promise<void> {
    const known = await Promise.all(ids.map((id) => this.#sources.remove(id)));
    // What an earlier run of the bot said is not remembered, but its buttons name the messages that it was about.
    const forgotten = ids.filter((id, k) => !known[k] && SnowflakeUtil.timestampFrom(id) < this.#startedAt);
    if (forgotten.length > 0) await this.#takeBackForgotten(channelId, forgotten);
  }

  async #takeBackForgotten(channelId: string, ids: readonly string[]): Promise<void> {
    const channel = this.#connection?.client.channels.cache.get(channelId);
    if (!channel?.isSendable()) return;
    const oldest = ids.reduce((a, b) => (BigInt(a) < BigInt(b) ? a : b));
    const later = await channel.messages.fetch({ after: oldest, limit: LOOK_AHEAD, cache: false });
    const removed = new Set(ids);
    for (const message of later.values()) {
      if (message.author.id === message.client.user.id && removed.has(sourceOf(message) ?? '')) await message.delete();
    }
  }

  #onChannelGone(id: string): void {
    this.#running.giveUp((channelId) => channelId === id, new Error('the channel was removed'));
  }

  /** The client reconnects by itself except after these codes. */
  async #onDisconnect(code: number): Promise<void> {
    if (this.#stopping) return;
    const { config, log } = this.#context;
    if (code === GatewayCloseCodes.DisallowedIntents) {
      await this.#connection?.client.destroy();
      await this.#use(await connectWithoutContent(config, log, this.#stopped.signal));
      return;
    }
    log.fatal({ platform: this.name, code }, 'Discord ended the connection for good; is the token still valid?');
  }
}

/** The message that one of the bot's answers is about, by its Remove button. */
function sourceOf(message: Message): string | undefined {
  for (const row of message.components) {
    if (row.type !== ComponentType.ActionRow) continue;
    for (const { customId } of row.components) {
      const source = customId ? parseRemoveButton(customId)?.source : undefined;
      if (source !== undefined) return source;
    }
  }
  return undefined;
}
