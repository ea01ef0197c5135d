import type { Job } from './journal.ts';

/** Something that people removed, hid or edited while a worker may be answering it. Ids are those of the platform's session. */
export type Removal =
  | { readonly kind: 'message'; readonly message: string }
  | {
      readonly kind: 'edit';
      readonly message: string;
      readonly left: readonly string[];
      readonly hidden: readonly string[];
    }
  | { readonly kind: 'picture'; readonly picture: string }
  | { readonly kind: 'channel'; readonly channel: string };

/** Hands a bot's jobs to workers in other processes. */
export interface JobQueue {
  /**
   * Has a worker do a job. If the job is in the queue already, from another process, it is done only once; from this process, it is
   * done again afterwards, for what has been added to its message.
   * @param options.channel channels take turns
   * @param options.person the poster; within a channel, people take turns
   * @param options.signal gives up waiting. A job that no worker has begun is then taken out, unless the reason is LeftToWorkers
   * @returns resolves once a worker has done it
   * @throws QueueFull where too many jobs wait; Error where the queue cannot be reached or no worker could do the job
   */
  run(
    job: Job,
    options: { readonly channel: string; readonly person: string; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Announces to the workers that something was removed. Never throws; errors are logged. */
  announceRemoval(platform: string, removal: Removal): void;
  close(): Promise<void>;
}

/** Too many jobs wait for a worker. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** The reason with which a stopping bot gives up waiting for a job. The job stays in the queue. */
export class LeftToWorkers extends Error {
  override readonly name = 'LeftToWorkers';
}

/** What a worker gets beside a job. */
export interface Turn {
  /** How many workers were lost during it. */
  readonly lost: number;
  /** Whether a worker has tried it before. */
  readonly isAgain: boolean;
  /** How many workers may have sent a private reply to it, not counting this one. */
  readonly whispers: number;
  /**
   * Records that a private reply is about to be sent. If the worker ends now, nobody can check later whether it was sent.
   * Never rejects: without Redis no reply is sent, see `isMine`.
   * @param couldNot true where sending it failed
   */
  markWhisper(couldNot?: boolean): Promise<void>;
  /** Whether the job still belongs to this worker. False where it gave no sign of life for so long that another worker has the job. */
  isMine(): Promise<boolean>;
}
