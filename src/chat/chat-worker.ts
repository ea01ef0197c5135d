import type { Request } from '../../commands/request.ts';
import type { Loss, Turn } from '../work/job-queue.ts';
import type { Job } from '../work/journal.ts';
import type { PlatformContext } from './platform.ts';
import type { Session } from './session.ts';

/** What a worker gets for answering on a platform. */
export interface ChatWorkerContext extends Omit<PlatformContext, 'journal' | 'queue' | 'dispatch'> {
  dispatch(request: Request): Promise<void>;
}

/** Answers on a platform what bots in other processes were asked. Hears of nothing there itself. */
export interface ChatWorker {
  readonly name: string;
  /**
   * Asks the platform whose the token is.
   * @returns the bot's account, by which jobs name it
   * @throws UserError where the platform cannot be reached or does not take the token
   */
  start(): Promise<string>;
  /** Answers a job, unless it has been answered; rejects where it is to be tried again. */
  perform(job: Job, turn: Turn): Promise<void>;
  /** Takes note of what is gone. */
  hear(loss: Loss): void;
  /** @param deadline once aborted, what is under way is left to other workers */
  stop(deadline: AbortSignal): Promise<void>;
}

/** Has a session give up, or take back, what is gone. Never rejects. */
export function hearLoss(session: Session, loss: Loss): void {
  if (loss.kind === 'channel') session.channelRemoved(loss.channel);
  else if (loss.kind === 'picture') session.waitFor(session.pictureRemoved(loss.picture));
  else if (loss.kind === 'message') session.waitFor(session.removed(loss.message));
  else session.waitFor(session.edited(loss.message, loss.left, loss.hidden));
}
