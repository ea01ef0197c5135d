import type { Attachment, Request } from '../../commands/request.ts';
import type { Logger } from '../base/log.ts';
import type { JobQueue, Turn } from '../work/job-queue.ts';
import type { Job, Journal, LeftJob } from '../work/journal.ts';

/** Somebody asks something, in whatever way their platform has for that. Ids are unique on the platform. */
export interface Asking {
  /** The channel that it came from. */
  readonly channel: string;
  /** The message that asks or that is asked about: once it is removed, nobody wants an answer any more. */
  readonly message?: string;
  /** What it is written down as, where it is to outlive the process. */
  readonly job?: Omit<Job, 'files' | 'begun'>;
  /** True where the bot took the event on before it was told to stop: then it is answered all the same. */
  readonly isTakenOn?: boolean;
  /** Says something that only the asker sees; absent where nobody spoke to the bot. */
  readonly tellAlone?: (text: string) => Promise<unknown>;
  /** @param signal becomes the request's own */
  readonly toRequest: (signal: AbortSignal) => Request;
  /** Asked before each word; false where another process says it. */
  readonly mayReply?: () => Promise<boolean>;
  /** Called before a word that only the asker sees, and with true where it could not be said; absent where the journal is told. */
  readonly whisper?: Turn['whisper'];
  /** Called after the last word. */
  readonly end?: () => unknown;
}

/** What a session takes from its platform. */
export interface SessionOptions {
  readonly platform: string;
  readonly log: Logger;
  /** Answers a request; never rejects. */
  readonly dispatch: (request: Request) => Promise<void>;
  /** The id of the message that a picture was posted in; undefined for one that came without a message. */
  readonly messageOf: (picture: Attachment) => string | undefined;
  /** Where work is written down; without it, what is under way ends with the process. */
  readonly journal?: Journal;
  /** Where photos are handed to workers; without it, this process answers them. */
  readonly queue?: JobQueue;
  /**
   * Makes a job of before an asking again, for what of it has not been answered.
   * @returns undefined where all of it was answered, or is gone
   * @throws where that cannot be found out just now
   */
  readonly revive?: (job: Job | LeftJob) => Promise<Asking | undefined>;
}
