import {
  type ChatInputCommandInteraction,
  type Message,
  type MessageContextMenuCommandInteraction,
  MessageFlags,
} from 'discord.js';
import { NO_MESSAGE, type Posted, type Reply } from '../../../commands/request.ts';
import { type Changes, OWN_MESSAGE, say, sayWhatIsAllowed, toPosted, withoutEarlierFiles } from './channel.ts';
import type { DiscordContext } from './context.ts';
import { isExpired, isLocked, isTaken, isUnreachable, lacksPermission } from './errors.ts';
import { type Delivery, deliver, layOut, type Outgoing } from './outgoing.ts';

/** A command that a person starts from a menu or with a slash. */
export type CommandInteraction = ChatInputCommandInteraction | MessageContextMenuCommandInteraction;

/**
 * Discord waits 3 seconds for a first response. Deferring decides whether everyone may see the answer, so it is put off as
 * long as it can be. After so many milliseconds without an answer it is deferred in public, since nearly all answers are public.
 */
const DEFER_AFTER_MS = 1200;

/**
 * Sends the answers to one interaction. The first replaces 'is thinking…', further ones follow it. After 15 minutes Discord no
 * longer accepts the interaction's token; then answers are sent as ordinary messages. If another process with the bot's token
 * answers the interaction, this one sends nothing.
 */
export class InteractionAnswer {
  readonly #interaction: CommandInteraction;
  readonly #context: DiscordContext;
  readonly #delivery: Delivery;
  readonly #timer: NodeJS.Timeout;
  #deferring: Promise<void> | undefined;
  #hasAnswered = false;
  #isExpired = false;
  #isTaken = false;

  constructor(interaction: CommandInteraction, context: DiscordContext) {
    this.#interaction = interaction;
    this.#context = context;
    this.#delivery = { askedBy: interaction.user.id, uploadBytes: interaction.attachmentSizeLimit };
    this.#timer = setTimeout(() => this.#defer(), DEFER_AFTER_MS);
  }

  /** Answers; see `Request.reply`. */
  async reply(reply: Reply): Promise<Posted> {
    clearTimeout(this.#timer);
    return await this.#respond(reply);
  }

  /** The first call shows 'is thinking…', later ones show the text; see `Request.progress`. */
  async progress(text: string): Promise<void> {
    if (this.#deferring === undefined) return await this.#defer();
    await this.#deferring;
    if (this.#hasAnswered || this.#isExpired || this.#isTaken) return;
    try {
      await this.#interaction.editReply({ content: layOut({ text })[0]!, allowedMentions: { parse: [] } });
    } catch (error) {
      this.#context.log.debug({ platform: 'discord', err: error }, 'progress could not be shown');
    }
  }

  /** Call it after the last answer. It removes the 'is thinking…' of an interaction that got none. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#deferring;
    if (this.#deferring === undefined || this.#hasAnswered || this.#isExpired || this.#isTaken) return;
    await this.#interaction.deleteReply();
  }

  /** Never rejects. If Discord does not accept it, the answers are sent as ordinary messages. */
  #defer(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#interaction.replied) return Promise.resolve();
    this.#deferring ??= this.#interaction.deferReply().then(
      () => {},
      (error: unknown) => {
        if (isTaken(error)) return this.#leaveToOther();
        this.#isExpired = true;
        this.#context.log.warn({ platform: 'discord', err: error }, 'a command could not be acknowledged');
      },
    );
    return this.#deferring;
  }

  #leaveToOther(): void {
    this.#isTaken = true;
    this.#context.log.warn(
      { platform: 'discord' },
      'another process answers commands with the same token; let one process use it',
    );
  }

  async #respond(reply: Reply): Promise<Posted> {
    // An upload may take longer than the three seconds.
    if (reply.pictures?.length) await this.#defer();
    await this.#deferring;
    if (this.#isTaken) return NO_MESSAGE;
    if (!this.#isExpired) {
      try {
        const send = (outgoing: Outgoing) => this.#send(outgoing, reply.private === true);
        return toPosted(await deliver(reply, this.#delivery, send), this.#delivery, this.#changes);
      } catch (error) {
        if (isTaken(error)) {
          this.#leaveToOther();
          return NO_MESSAGE;
        }
        if (!isExpired(error) && !isLocked(error)) throw error;
        this.#isExpired = true;
      }
    }
    return await this.#answerWithoutToken(reply);
  }

  async #send(outgoing: Outgoing, isPrivate: boolean): Promise<Message> {
    const flags = isPrivate ? outgoing.flags | MessageFlags.Ephemeral : outgoing.flags;
    const interaction = this.#interaction;
    if (!interaction.deferred && !interaction.replied) {
      const response = await interaction.reply({ ...outgoing, flags, withResponse: true });
      this.#hasAnswered = true;
      return response.resource!.message!;
    }
    if (!this.#hasAnswered && !isPrivate) {
      const message = await interaction.editReply(outgoing);
      this.#hasAnswered = true;
      return message;
    }
    if (!this.#hasAnswered) {
      // An answer that was deferred in public stays public, so a private one needs a new message.
      await interaction.deleteReply();
      this.#hasAnswered = true;
    }
    return await interaction.followUp({ ...outgoing, flags });
  }

  async #answerWithoutToken(reply: Reply): Promise<Posted> {
    const { channel, user } = this.#interaction;
    const askedBy = user.id;
    if (reply.private || !channel?.isSendable()) return await this.#answerInDirectMessage(reply);
    try {
      return await sayWhatIsAllowed(channel, reply, { askedBy });
    } catch (error) {
      if (!lacksPermission(error) && !isLocked(error)) throw error;
      await this.#context.refusals.explain(user, channel, this.#interaction.id, true, error);
      return NO_MESSAGE;
    }
  }

  async #answerInDirectMessage(reply: Reply): Promise<Posted> {
    const { user } = this.#interaction;
    try {
      return await say(await user.createDM(), reply, { askedBy: user.id });
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      this.#context.log.info({ platform: 'discord' }, 'a person accepts no direct messages');
      return NO_MESSAGE;
    }
  }

  readonly #changes: Changes = {
    edit: (message, outgoing) =>
      this.#byTokenOrRight(
        () => this.#interaction.editReply({ ...outgoing, ...withoutEarlierFiles(), message }),
        () => OWN_MESSAGE.edit(message, outgoing),
      ),
    remove: (message) =>
      this.#byTokenOrRight(
        () => this.#interaction.deleteReply(message),
        () => OWN_MESSAGE.remove(message),
      ),
  };

  async #byTokenOrRight(byToken: () => Promise<unknown>, byRight: () => Promise<unknown>): Promise<void> {
    if (!this.#isExpired) {
      try {
        await byToken();
        return;
      } catch (error) {
        if (!isExpired(error)) throw error;
        this.#isExpired = true;
      }
    }
    await byRight();
  }
}
