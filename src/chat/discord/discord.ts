import { Events, GatewayCloseCodes, GatewayDispatchEvents, Status } from 'discord.js';
import type { Channel } from '../../../commands/request.ts';
import { hasOnlySomeShards, shardsInWords } from '../../config-discord.ts';
import type { Job, LeftJob } from '../../work/journal.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { Session } from '../session.ts';
import { untilReached } from '../start-platforms.ts';
import { messageOf } from './attachment.ts';
import { toChannel } from './channel.ts';
import { connect } from './connect.ts';
import type { DiscordContext } from './context.ts';
import { isGone, lacksPermission } from './errors.ts';
import { RefusedIntent } from './login.ts';
import { MissedMessages } from './missed.ts';
import { inviteLink, maySpeak, Refusals } from './permissions.ts';
import { accountOf } from './request.ts';
import { revive } from './revive.ts';
import { isOurs } from './shards.ts';

/** Discord: posted pictures, slash commands, a message menu and a button. */
export class DiscordPlatform implements Platform {
  readonly name = 'discord';
  readonly #shared: Omit<DiscordContext, 'client' | 'seesEverything'>;
  readonly #stopped = new AbortController();
  readonly #missed: MissedMessages | undefined;
  #context: DiscordContext | undefined;

  constructor(platform: PlatformContext) {
    const { log, dispatch, journal, queue } = platform;
    const options = {
      platform: this.name,
      log,
      dispatch,
      messageOf,
      revive: (job: Job | LeftJob) => revive(job, this.#context!),
    };
    this.#missed = journal && new MissedMessages(journal);
    this.#shared = {
      ...platform,
      session: new Session({ ...options, ...(journal && { journal }), ...(queue && { queue }) }),
      refusals: new Refusals(log),
      startedAt: Date.now(),
      markSeen: (channel, message) => this.#missed?.markSeen(channel, message),
      guard: (work) => this.#shared.session.waitFor(this.#guard(work)),
    };
  }

  get isConnected(): boolean {
    const shards = this.#context?.client.ws.shards;
    return shards !== undefined && shards.size > 0 && shards.every(({ status }) => status === Status.Ready);
  }

  async start(): Promise<string> {
    const { client, seesEverything } = await this.#connect();
    const servers = client.guilds.cache.size;
    const { shards } = this.#shared.config.discord!;
    return [
      `On Discord as ${client.user.username}, in ${servers === 1 ? '1 server' : `${servers} servers`}`,
      ...(shards === undefined ? [] : [shardsInWords(shards)]),
      ...(servers === 0 && !hasOnlySomeShards(this.#shared.config.discord)
        ? [`invite me: ${inviteLink(client.application.id)}`]
        : []),
      ...(seesEverything
        ? []
        : ['without the Message Content Intent: I answer photos that mention me, direct messages and commands only']),
    ].join('; ');
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#missed?.stop();
    await this.#shared.session.stop(deadline);
    this.#stopped.abort(new Error('the bot is stopping'));
    await this.#context?.client.destroy();
  }

  async channel(id: string): Promise<Channel | undefined> {
    const client = this.#context?.client;
    if (client === undefined) return undefined;
    try {
      const channel = await client.channels.fetch(id);
      if (channel === null && !(await isOurs(id, client, this.#shared.config.discord!)))
        throw new Error('another process has the shard of this channel');
      return channel?.isSendable() && maySpeak(channel) ? toChannel(channel, client.user.id) : undefined;
    } catch (error) {
      if (isGone(error) || lacksPermission(error)) return undefined;
      throw error;
    }
  }

  async #connect(): Promise<DiscordContext> {
    try {
      return await this.#connectSeeing(true);
    } catch (error) {
      if (!(error instanceof RefusedIntent)) throw error;
      return await this.#connectSeeingLess();
    }
  }

  /** Connects without asking for the MessageContent intent, and says so in the log. */
  async #connectSeeingLess(): Promise<DiscordContext> {
    this.#shared.log.warn(
      { platform: this.name },
      'the MessageContent intent is off: posted photos are not seen; switch it on at https://discord.com/developers/applications > Bot > Message Content Intent and restart',
    );
    return await this.#connectSeeing(false);
  }

  async #connectSeeing(seesEverything: boolean): Promise<DiscordContext> {
    const { signal } = this.#stopped;
    const context = await connect({ ...this.#shared, seesEverything }, signal);
    const { client } = context;
    if (signal.aborted) {
      await client.destroy();
      throw signal.reason;
    }
    // `stop` does not wait for this: it is `stop` that disconnects.
    client.on(Events.ShardDisconnect, ({ code }) => void this.#guard(() => this.#onDisconnect(code)));
    this.#context = context;
    const discord = this.#shared.config.discord!;
    context.session.answerLeftJobs(accountOf(context), (channel) => isOurs(channel, client, discord));
    this.#catchUp(context);
    // A new session means that the old one could not be resumed, so Discord does not send what came in between.
    client.ws.on(GatewayDispatchEvents.Ready, (_, shard) => this.#missed?.hold(shard));
    client.on(Events.ShardReady, (shard) => this.#catchUp(context, shard));
    return context;
  }

  #catchUp(context: DiscordContext, shard?: number): void {
    if (this.#missed) context.session.waitFor(this.#missed.catchUp(context, shard));
  }

  /** Logs every error that no request's dispatch catches. Otherwise an error in a listener would end the process. */
  async #guard(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#shared.log.error({ platform: this.name, err: error }, 'an event could not be handled');
    }
  }

  /** Called where the client does not reconnect by itself. */
  async #onDisconnect(code: number): Promise<void> {
    const { log, session } = this.#shared;
    if (session.isStopping) return;
    if (code === GatewayCloseCodes.DisallowedIntents) return await this.#connectAgain();
    log.fatal({ platform: this.name, code }, 'Discord ended the connection for good; is the token still valid?');
  }

  /** Connects again without the intent that Discord has taken away. */
  async #connectAgain(): Promise<void> {
    const { signal } = this.#stopped;
    try {
      await this.#context?.client.destroy();
      await untilReached(() => this.#connectSeeingLess(), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
