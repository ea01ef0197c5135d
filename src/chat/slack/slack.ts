import type { Channel } from '../../../commands/request.ts';
import type { SlackConfig, SlackConnection } from '../../config-slack.ts';
import type { Job, LeftJob } from '../../work/journal.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { Session } from '../session.ts';
import { apiOptions, createApi } from './api.ts';
import { messageOf } from './attachment.ts';
import { connect } from './connect.ts';
import { createContext, type SlackShared } from './context.ts';
import { explainSlackError, rateLimitOf, slackCode } from './errors.ts';
import { whoAmI } from './identity.ts';
import { INSTALL_PATH, installPages } from './install-pages.ts';
import { Installations } from './installations.ts';
import { createIntake, type Intake } from './intake.ts';
import { ManyWorkspaces } from './many-workspaces.ts';
import { ACCOUNT_OF_ALL, accountOf } from './posted.ts';
import { toChannel } from './request.ts';
import { revive } from './revive.ts';
import { channelParts, oneWorkspace, type Workspaces } from './workspaces.ts';

/** Slack: posted pictures, slash commands, a message shortcut and a button. */
export class SlackPlatform implements Platform {
  readonly name = 'slack';
  readonly #platform: PlatformContext;
  readonly #session: Session;
  readonly #startedAt = Date.now();
  #intake: Intake | undefined;
  #workspaces: Workspaces | undefined;

  constructor(platform: PlatformContext) {
    const { log, dispatch, journal, queue } = platform;
    this.#platform = platform;
    const options = {
      platform: this.name,
      log,
      dispatch,
      messageOf,
      revive: (job: Job | LeftJob) => revive(job, this.#workspaces!),
    };
    this.#session = new Session({ ...options, ...(journal && { journal }), ...(queue && { queue }) });
  }

  get isConnected(): boolean {
    return this.#intake?.isOpen === true;
  }

  async start(): Promise<string> {
    const { config, log } = this.#platform;
    const shared = { ...this.#platform, session: this.#session, startedAt: this.#startedAt };
    const slack = config.slack!;
    if ('installer' in slack) return await this.#startForAll(shared, slack);
    const me = await whoAmI(createApi(slack.botToken, config, log));
    const workspaces = oneWorkspace(createContext(shared, { token: slack.botToken, me }));
    const how = await this.#connect(shared, workspaces, slack.connection);
    this.#session.answerLeftJobs(accountOf({ me }));
    return `On Slack as ${me.name} in ${me.team}, ${how}`;
  }

  /** Connects for all workspaces that have installed the bot or will. */
  async #startForAll(
    shared: SlackShared,
    { installer, connection }: Extract<SlackConfig, { installer: unknown }>,
  ): Promise<string> {
    const { config, log, settings } = this.#platform;
    const installations = await Installations.open(installer, settings, config, log);
    const workspaces = new ManyWorkspaces(shared, installations, settings);
    const installing = installPages(installer, installations, apiOptions(config, log));
    const count = await installations.count();
    const where = await this.#connect(shared, workspaces, connection, installing);
    this.#session.answerLeftJobs(ACCOUNT_OF_ALL);
    return `On Slack in ${count} ${count === 1 ? 'workspace' : 'workspaces'}, ${where}; it is installed at ${INSTALL_PATH}`;
  }

  async #connect(
    shared: SlackShared,
    workspaces: Workspaces,
    connection: SlackConnection,
    installing?: ReturnType<typeof installPages>,
  ): Promise<string> {
    const { config, log } = this.#platform;
    this.#workspaces = workspaces;
    // Set before connecting, so that `stop` can end a start that is still under way.
    this.#intake = createIntake(connection, config, log, installing);
    return await connect(shared, workspaces, this.#intake);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const intake = this.#intake;
    this.#intake = undefined;
    // The connection stays open until then, so that people who type a command are told that the bot is stopping.
    await this.#session.stop(deadline, () => intake?.stop());
  }

  async channel(id: string): Promise<Channel | undefined> {
    const { place, channel } = channelParts(id);
    const context = await this.#workspaces?.at(place);
    if (context === undefined) return undefined;
    try {
      await context.lookBack.conversations.history({ channel, limit: 1 });
      return toChannel(context, channel);
    } catch (error) {
      // Slack's rate limit hides whether the channel exists. Posting there will tell.
      if (rateLimitOf(error) !== undefined) return toChannel(context, channel);
      if (['channel_not_found', 'not_in_channel'].includes(slackCode(error) ?? '')) return undefined;
      throw explainSlackError(error, context.me.name);
    }
  }
}
