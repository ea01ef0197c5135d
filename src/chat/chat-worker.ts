import type { Request } from '../../commands/request.ts';
import type { Removal, Turn } from '../work/job-queue.ts';
import type { Job } from '../work/journal.ts';
import type { PlatformContext } from './platform.ts';
import type { Session } from './session.ts';

/** What a chat worker gets from its process. */
export interface ChatWorkerContext extends Omit<PlatformContext, 'journal' | 'queue' | 'dispatch'> {
  dispatch(request: Request): Promise<void>;
}

/** Answers, on one platform, what bots in other processes were asked. It receives no events from the platform itself. */
export interface ChatWorker {
  readonly name: string;
  /**
   * Asks the platform which account the token belongs to.
   * @returns that account, which jobs are addressed to
   * @throws UserError where the platform cannot be reached or does not accept the token
   */
  start(): Promise<string>;
  /** Answers a job, unless it has been answered already. Rejects where the job must be tried again. */
  perform(job: Job, turn: Turn): Promise<void>;
  /** Called when a message, a picture or a channel was removed, or a message was edited. */
  onRemoval(removal: Removal): void;
  /** @param deadline once aborted, unfinished work is left to other workers */
  stop(deadline: AbortSignal): Promise<void>;
}

/** Tells a session what was removed, so that it gives up work on that and removes its answers. Returns at once. */
export function applyRemoval(session: Session, removal: Removal): void {
  if (removal.kind === 'channel') session.channelRemoved(removal.channel);
  else if (removal.kind === 'picture') session.waitFor(session.pictureRemoved(removal.picture));
  else if (removal.kind === 'message') session.waitFor(session.removed(removal.message));
  else session.waitFor(session.edited(removal.message, removal.left, removal.hidden));
}
