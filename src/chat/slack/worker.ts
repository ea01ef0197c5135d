import type { Removal, Turn } from '../../work/job-queue.ts';
import type { Job } from '../../work/journal.ts';
import { applyRemoval, type ChatWorker, type ChatWorkerContext } from '../chat-worker.ts';
import { Session } from '../session.ts';
import { createApi } from './api.ts';
import { messageOf } from './attachment.ts';
import { createContext } from './context.ts';
import { whoAmI } from './identity.ts';
import { Installations } from './installations.ts';
import { ManyWorkspaces } from './many-workspaces.ts';
import { ACCOUNT_OF_ALL, accountOf } from './posted.ts';
import { revive } from './revive.ts';
import { oneWorkspace, type Workspaces } from './workspaces.ts';

/** Answers on Slack over its Web API alone. It receives no events. */
export class SlackWorker implements ChatWorker {
  readonly name = 'slack';
  readonly #platform: ChatWorkerContext;
  readonly #session: Session;
  #workspaces: Workspaces | undefined;

  constructor(platform: ChatWorkerContext) {
    this.#platform = platform;
    const { log, dispatch } = platform;
    this.#session = new Session({
      platform: this.name,
      log,
      dispatch,
      messageOf,
      revive: (job) => revive(job, this.#workspaces!),
    });
  }

  async start(): Promise<string> {
    const { config, log, settings } = this.#platform;
    const shared = { ...this.#platform, session: this.#session, startedAt: Date.now() };
    const slack = config.slack!;
    if ('installer' in slack) {
      const installations = await Installations.open(slack.installer, settings, config, log);
      this.#workspaces = new ManyWorkspaces(shared, installations, settings);
      return ACCOUNT_OF_ALL;
    }
    const me = await whoAmI(createApi(slack.botToken, config, log));
    this.#workspaces = oneWorkspace(createContext(shared, { token: slack.botToken, me }));
    return accountOf({ me });
  }

  async perform(job: Job, turn: Turn): Promise<void> {
    await this.#session.perform(job, turn);
  }

  onRemoval(removal: Removal): void {
    applyRemoval(this.#session, removal);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#session.stop(deadline);
  }
}
