import type { Attachment, Request } from '../../commands/request.ts';
import type { Logger } from '../base/log.ts';
import type { JobQueue, Turn } from '../work/job-queue.ts';
import type { Job, Journal, LeftJob } from '../work/journal.ts';

/** An event by which somebody asks the bot something: a message, a command or a menu entry. Ids are unique on the platform. */
export interface Inquiry {
  /** The channel that it came from. */
  readonly channel: string;
  /** The message that asks or that is asked about. Once it is removed, no answer is sent. */
  readonly message?: string;
  /** Its entry in the journal, where it must survive the end of the process. */
  readonly job?: Omit<Job, 'files' | 'begun'>;
  /** True where the bot accepted the event before it was told to stop. Such an event is still answered. */
  readonly isAccepted?: boolean;
  /** Sends a text that only the asker sees; absent where nobody addressed the bot. */
  readonly replyPrivately?: (text: string) => Promise<unknown>;
  /** @param signal becomes the request's signal */
  readonly toRequest: (signal: AbortSignal) => Request;
  /** Called before each reply. False means that another process sends it. */
  readonly mayReply?: () => Promise<boolean>;
  /** Called before a private reply, and again with true if sending it failed. Absent where the session records that in the journal. */
  readonly markWhisper?: Turn['markWhisper'];
  /** Called after the last reply. */
  readonly end?: () => unknown;
}

/** What a session needs from its platform. */
export interface SessionOptions {
  readonly platform: string;
  readonly log: Logger;
  /** Answers a request; never rejects. */
  readonly dispatch: (request: Request) => Promise<void>;
  /** The id of the message that a picture was posted in; undefined for one that came without a message. */
  readonly messageOf: (picture: Attachment) => string | undefined;
  /** Records the work; without it, unfinished work is lost when the process ends. */
  readonly journal?: Journal;
  /** Hands photos to workers; without it, this process answers them. */
  readonly queue?: JobQueue;
  /**
   * Turns a job of an earlier run back into an inquiry, limited to the pictures that have not been answered.
   * @returns undefined where all of it was answered, or is gone
   * @throws where that cannot be found out at the moment
   */
  readonly revive?: (job: Job | LeftJob) => Promise<Inquiry | undefined>;
}
