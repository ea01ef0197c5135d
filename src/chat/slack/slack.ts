import { App } from '@slack/bolt';
import type { Channel } from '../../../commands/request.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { Session } from '../session.ts';
import { boltLogger, createApi, createLookBack, inWords, rateLimitOf, slackCode } from './api.ts';
import { messageOf } from './attachment.ts';
import { createIntake, type Intake, NotNow, whoAmI } from './connect.ts';
import type { SlackContext } from './context.ts';
import { listenToCommands } from './listeners/commands.ts';
import { isNewMessage, listenToMessages } from './listeners/messages.ts';
import { People } from './people.ts';
import { toChannel } from './request.ts';
import { Uploads } from './uploads.ts';

/** Slack: posted pictures, slash commands, a message shortcut and a button. */
export class SlackPlatform implements Platform {
  readonly name = 'slack';
  readonly #platform: PlatformContext;
  readonly #session: Session;
  readonly #startedAt = Date.now();
  #intake: Intake | undefined;
  #context: SlackContext | undefined;

  constructor(platform: PlatformContext) {
    const { log, dispatch } = platform;
    this.#platform = platform;
    this.#session = new Session({ platform: this.name, log, dispatch, messageOf });
  }

  async start(): Promise<string> {
    const { config, log } = this.#platform;
    const { botToken, connection } = config.slack!;
    const api = createApi(botToken, config, log);
    const me = await whoAmI(api);
    const people = new People(api, this.#platform, me);
    const context: SlackContext = {
      ...this.#platform,
      api,
      lookBack: createLookBack(botToken, config, log),
      uploads: new Uploads(api, log),
      me,
      token: botToken,
      people,
      session: this.#session,
      startedAt: this.#startedAt,
    };
    this.#context = context;
    const intake = createIntake(connection, config, log);
    const app = new App({
      receiver: intake.receiver,
      // Not the token itself: the library would ask for its owner once more, and end the process if that fails.
      authorize: async () => ({ botToken, botUserId: me.userId, ...(me.botId && { botId: me.botId }) }),
      logger: boltLogger(log),
      convoStore: false,
      // The events of the bot's own uploads say which messages they became; nothing else of its own is looked at.
      ignoreSelf: false,
    });
    app.error(async (error) => {
      log.error({ platform: this.name, err: error }, 'an event could not be handled');
    });
    this.#leaveMessagesWhileStopping(app);
    listenToMessages(app, context);
    listenToCommands(app, context);
    // Before it connects, so that a stop during the start ends that too.
    this.#intake = intake;
    return `On Slack as ${me.name} in ${me.team}, ${await intake.start()}`;
  }

  /** The library acknowledges every event before a listener sees it. What nobody acknowledged, Slack sends again. */
  #leaveMessagesWhileStopping(app: App): void {
    const processEvent = app.processEvent.bind(app);
    app.processEvent = async (event) => {
      // What removes a message still counts: its answer may be under way.
      if (this.#session.isStopping && isNewMessage(event.body)) throw new NotNow('the bot is stopping');
      const processed = processEvent(event);
      this.#session.waitFor(processed);
      await processed;
    };
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const intake = this.#intake;
    this.#intake = undefined;
    // Connected meanwhile: whoever types a command is told that the bot stops.
    await this.#session.stop(deadline, () => intake?.stop());
  }

  async channel(id: string): Promise<Channel | undefined> {
    const context = this.#context;
    if (context === undefined) return undefined;
    try {
      await context.lookBack.conversations.history({ channel: id, limit: 1 });
      return toChannel(context, id);
    } catch (error) {
      // Slack does not say now; what is written there tells.
      if (rateLimitOf(error) !== undefined) return toChannel(context, id);
      if (['channel_not_found', 'not_in_channel'].includes(slackCode(error) ?? '')) return undefined;
      throw inWords(error, context.me.name);
    }
  }
}
