import type { Job } from './journal.ts';

/** Something that people take away while a worker may be answering it. Ids as the platform's session knows them. */
export type Loss =
  | { readonly kind: 'message'; readonly message: string }
  | {
      readonly kind: 'edit';
      readonly message: string;
      readonly left: readonly string[];
      readonly hidden: readonly string[];
    }
  | { readonly kind: 'picture'; readonly picture: string }
  | { readonly kind: 'channel'; readonly channel: string };

/** Where a bot hands jobs to workers in other processes. */
export interface JobQueue {
  /**
   * Has a job done by a worker. One that is there already, whoever handed it over, is done once.
   * @param options.channel whose turn it takes: channels take turns
   * @param options.person who posted it: within a channel, people take turns
   * @param options.signal gives up waiting; a job that no worker has begun is taken out, unless the reason is LeftToWorkers
   * @returns once a worker has done it
   * @throws QueueFull where too many wait; Error where the queue is out of reach or no worker could do it
   */
  run(
    job: Job,
    options: { readonly channel: string; readonly person: string; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Tells the workers of something that is gone. Never rejects. */
  tell(platform: string, loss: Loss): void;
  close(): Promise<void>;
}

/** More jobs wait for a worker than may. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** Why a bot that stops waits no more for a job, which stays where it is. */
export class LeftToWorkers extends Error {
  override readonly name = 'LeftToWorkers';
}

/** What a worker is told of a job. */
export interface Turn {
  /** How many workers have been lost over it. */
  readonly lost: number;
  /** Whether a worker has tried it before. */
  readonly isAgain: boolean;
  /** How many workers may have said something of it that only the asker sees, this one not counted. */
  readonly whispers: number;
  /**
   * Notes that something is about to be said that only the asker sees: where the worker ends now, nobody can look whether it was.
   * Never rejects: without Redis nothing is said, see `isMine`.
   * @param couldNot true where it could not be said after all
   */
  whisper(couldNot?: boolean): Promise<void>;
  /** Whether it is still this worker's; false where it took so long to show a sign of life that another has it. */
  isMine(): Promise<boolean>;
}
