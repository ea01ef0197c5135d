import { App } from '@slack/bolt';
import type { Channel, Request } from '../../../commands/request.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { RunningRequests } from '../running-requests.ts';
import { createApi } from './api.ts';
import { createIntake, type Intake, whoAmI } from './connect.ts';
import type { Desk } from './desk.ts';
import { inWords, said, slackCode } from './errors.ts';
import { boltLogger } from './logger.ts';
import { READ_EMOTIONS, REMOVE, slashName } from './names.ts';
import { slackText, takeBack, takeBackAnswersTo } from './outgoing.ts';
import { type MessageEvent, picturesOf, type SlackMessage, sourceOf } from './payloads.ts';
import { People } from './people.ts';
import { parseRemoveState } from './remove-button.ts';
import { type Asking, isDirect, toChannel, toRequest } from './request.ts';
import { Seen } from './seen.ts';

type Respond = (message: { text: string; response_type: 'ephemeral'; replace_original: false }) => Promise<unknown>;

/** Messages that people write; every other subtype is Slack's or an app's. */
const WRITTEN = [undefined, 'file_share', 'thread_broadcast'];

/** Slack: posted pictures, slash commands, a message shortcut and a button. */
export class SlackPlatform implements Platform {
  readonly name = 'slack';
  readonly #context: PlatformContext;
  readonly #seen = new Seen();
  /** With the message that each is about, 'channel:ts'. */
  readonly #running = new RunningRequests<string | undefined>();
  #intake: Intake | undefined;
  #desk: Desk | undefined;
  #stopping = false;

  constructor(context: PlatformContext) {
    this.#context = context;
  }

  async start(): Promise<string> {
    const { config, log } = this.#context;
    const { botToken, connection } = config.slack!;
    const api = createApi(botToken, config, log);
    const me = await whoAmI(api);
    const desk: Desk = { ...this.#context, api, me, token: botToken, people: new People(api, config, me) };
    this.#desk = desk;
    const intake = createIntake(connection, config, log);
    const app = new App({
      receiver: intake.receiver,
      // Not the token itself: the library would ask for its owner once more, and end the process if that fails.
      authorize: async () => ({ botToken, botUserId: me.userId, ...(me.botId && { botId: me.botId }) }),
      logger: boltLogger(log),
      convoStore: false,
    });
    this.#listen(app, desk);
    // Before it connects, so that a stop during the start ends that too.
    this.#intake = intake;
    return `On Slack as ${me.name} in ${me.team}, ${await intake.start()}`;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping = true;
    const intake = this.#intake;
    this.#intake = undefined;
    // Events that nobody takes are kept by Slack and sent again.
    await this.#running.end(deadline, intake?.stop());
  }

  async channel(id: string): Promise<Channel | undefined> {
    const desk = this.#desk;
    if (desk === undefined) return undefined;
    try {
      await desk.api.conversations.history({ channel: id, limit: 1 });
      return toChannel(desk, id);
    } catch (error) {
      if (['channel_not_found', 'not_in_channel'].includes(slackCode(error) ?? '')) return undefined;
      throw inWords(error, desk.me.name);
    }
  }

  #listen(app: App, desk: Desk): void {
    app.error(async (error) => {
      desk.log.error({ platform: this.name, err: error }, 'an event could not be handled');
    });
    app.event('message', async ({ event, body }) => {
      await this.#onMessage(event as unknown as MessageEvent, body.event_id, desk);
    });
    for (const { name } of desk.commands.list()) {
      app.command(slashName(name), async ({ ack, command, respond }) => {
        await ack();
        if (!this.#seen.isNew(`trigger:${command.trigger_id}`)) return;
        this.#serve(desk, {
          userId: command.user_id,
          channel: command.channel_id,
          command: { name, input: command.text ?? '' },
          respond: toAsker(respond),
        });
      });
    }
    app.shortcut({ callback_id: READ_EMOTIONS, type: 'message_action' }, async ({ ack, shortcut, respond }) => {
      await ack();
      if (!this.#seen.isNew(`trigger:${shortcut.trigger_id}`)) return;
      const message = shortcut.message as SlackMessage;
      const hasPicture = picturesOf(message).length > 0;
      const source = sourceOf(shortcut.channel.id, message);
      this.#serve(desk, {
        userId: shortcut.user.id,
        channel: shortcut.channel.id,
        ...(source && { thread: source.thread }),
        message,
        // Without a picture it is no command, since that would read the latest one of the channel.
        ...(hasPicture && { command: { name: 'emotions', input: {} } }),
        asked: true,
        respond: toAsker(respond),
      });
    });
    app.action({ action_id: REMOVE, type: 'block_actions' }, async ({ ack, body, action, respond }) => {
      await ack();
      if (!this.#seen.isNew(`trigger:${body.trigger_id}`)) return;
      const state = parseRemoveState('value' in action ? action.value : undefined);
      const channel = body.channel?.id;
      if (state === undefined || channel === undefined) return;
      const mayRemove = body.user.id === state.by || (!isDirect(channel) && (await desk.people.isAdmin(body.user.id)));
      if (!mayRemove) {
        await toAsker(respond)('Only whoever posted the picture, or an admin, can remove this.');
        return;
      }
      try {
        await said(desk.me.name, () =>
          takeBack(desk, { channel, thread: state.thread }, state.files, body.message?.ts),
        );
      } catch (error) {
        desk.log.error({ platform: this.name, err: error }, 'an answer could not be removed');
        await toAsker(respond)('I could not remove all of it. Try again in a minute.');
        this.#seen.forget(`trigger:${body.trigger_id}`);
      }
    });
  }

  async #onMessage(event: MessageEvent, eventId: string, desk: Desk): Promise<void> {
    const { channel, ts, user } = event;
    const removed = removedBy(event);
    if (removed) return await this.#onRemoved(channel, removed, desk);
    if (this.#stopping || !WRITTEN.includes(event.subtype) || ts === undefined || user === undefined) return;
    // The bot's own uploads come back as messages with files; not every bot's message has a bot_id.
    if (event.bot_id !== undefined || user === desk.me.userId) return;
    const pictures = picturesOf(event);
    const mention = `<@${desk.me.userId}>`;
    const asked = isDirect(channel) || (event.text ?? '').includes(mention);
    if (pictures.length === 0 && !asked) return;
    const files = pictures.map(({ id }) => `file:${channel}:${id}`);
    if (!this.#seen.isNew(`event:${eventId}`, `message:${channel}:${ts}`, ...files)) return;
    if (await desk.people.isBot(user)) return;
    const command = pictures.length === 0 ? commandIn((event.text ?? '').replaceAll(mention, ' '), desk) : undefined;
    this.#serve(desk, {
      userId: user,
      channel,
      thread: event.thread_ts ?? ts,
      message: event,
      ...(command && { command }),
      ...(asked && { asked }),
    });
  }

  #serve(desk: Desk, asking: Asking): void {
    if (this.#stopping) return;
    const controller = new AbortController();
    const source = asking.message?.ts && `${asking.channel}:${asking.message.ts}`;
    this.#running.add(this.#context.dispatch(toRequest(desk, asking, controller.signal)), controller, source);
  }

  async #onRemoved(channel: string, message: SlackMessage, desk: Desk): Promise<void> {
    this.#running.giveUp((about) => about === `${channel}:${message.ts}`, new Error('the message was removed'));
    const source = sourceOf(channel, message);
    if (source && message.user !== desk.me.userId) await takeBackAnswersTo(desk, source);
  }
}

/** The message that an event takes away: deleted, left as a tombstone above its thread, or without its files. */
function removedBy(event: MessageEvent): SlackMessage | undefined {
  if (event.subtype === 'message_deleted' && event.deleted_ts !== undefined) {
    return { ...event.previous_message, ts: event.deleted_ts };
  }
  if (event.subtype !== 'message_changed' || event.message === undefined) return undefined;
  const { subtype, files = [] } = event.message;
  const filesAreGone = files.length > 0 && files.every(({ mode }) => mode === 'tombstone');
  return subtype === 'tombstone' || filesAreGone ? { ...event.previous_message, ts: event.message.ts! } : undefined;
}

/** What a message without pictures asks for: a command by its name, with or without the slash, or the latest picture. */
function commandIn(text: string, desk: Desk): Request['command'] {
  const [, name, input = ''] = /^\s*\/?([a-z0-9-]+)\s*(.*)$/is.exec(text) ?? [];
  if (name === undefined) return text.trim() === '' ? { name: 'emotions', input: '' } : undefined;
  const known = desk.commands.list().find((command) => [command.name, slashName(command.name).slice(1)].includes(name));
  return known && { name: known.name, input };
}

/** Speaks to the asker alone. */
function toAsker(respond: unknown): (text: string) => Promise<void> {
  return async (text) => {
    await (respond as Respond)({ text: slackText(text), response_type: 'ephemeral', replace_original: false });
  };
}
