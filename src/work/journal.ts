/**
 * The journal records work under way, so that none is lost however the process ends. A job consists of ids only: a process that takes one
 * over fetches the rest from the platform again. `FileJournal` stores jobs in the state folder for processes of one machine; a queue in
 * Redis holds the same jobs for several machines.
 */

/** How long the last handled messages are kept, in milliseconds. A bot that was away for longer does not read missed messages. */
export const SEEN_KEPT_MS = 30 * 24 * 60 * 60_000;

/** Identifies a job: one message or one command. */
export interface JobKey {
  /** The bot's account that was asked, unique among all platforms. */
  readonly bot: string;
  /** The platform's id of the channel that it was asked in. */
  readonly place: string;
  /** The message or command that asks. */
  readonly message: string;
}

/** Something that somebody waits for. It holds ids only: no names, texts, addresses or tokens. */
export interface Job extends JobKey {
  /** 'posted' is a message that everybody in the channel sees; 'command' is a command, whose asker sees that the bot is at work. */
  readonly kind: 'posted' | 'command';
  /** Ids of the pictures that it came with. */
  readonly files: readonly string[];
  /** The message that a command is about, where it is about one. */
  readonly about?: string;
  /** When work on it first began, in milliseconds since 1970. */
  readonly begun: number;
}

/** A job of an earlier run. */
export interface LeftJob extends Job {
  /** How many runs began it and ended before it was done, not counting this one; at least 1. */
  readonly runs: number;
  /** Whether the last of them ended while this job ran alone: see `markSuspect`. */
  readonly isSuspect: boolean;
  /** How many of them may have sent a private reply, 2 at most: see `markWhisper`. */
  readonly whispers: 0 | 1 | 2;
}

/** After so many private replies that may have been sent, the job is given up: a third one would be too much. */
export const MOST_WHISPERS = 2;

/** Whether an earlier run may have sent a private reply to a job. Nobody can check that later. */
export function wasWhispered(job: Job | LeftJob): boolean {
  return 'whispers' in job && job.whispers > 0;
}

/** Jobs that have begun and not ended. */
export interface OpenJobs {
  readonly count: number;
  /** When work on the oldest first began, in milliseconds since 1970; absent where there is none. */
  readonly since?: number;
}

/** Stores jobs. */
export interface Journal {
  /**
   * Records a job before work on it begins. A job that is recorded already stays as it is.
   * @returns resolves once the job survives any end of the process
   * @throws Error where it cannot be written
   */
  begin(job: Job): Promise<void>;
  /** Deletes a job: it has been answered or refused, or nobody waits for it any more. Errors as for `begin`. */
  end(job: JobKey): Promise<void>;
  /**
   * Records that a job of an earlier run is about to run alone. If the process crashes now, this job is the cause. Errors as for `begin`.
   */
  markSuspect(job: JobKey): Promise<void>;
  /**
   * Records that a private reply to a job is about to be sent. If the process ends before `end`, nobody can check whether it was
   * sent. Errors as for `begin`.
   * @param couldNot true where sending it failed
   */
  markWhisper(job: JobKey, couldNot?: boolean): Promise<void>;
  /**
   * Takes over the jobs of processes that are not alive any more, oldest first. They belong to this process from now on.
   * @param isOurs whether this process may answer in a channel; by default it may in all. If this rejects, the job stays for another time
   */
  takeOverJobs(bot: string, isOurs?: (place: string) => Promise<boolean>): Promise<LeftJob[]>;
  /** Counts the jobs of this process, wherever they wait. Errors as for `begin`. */
  countOpen(): Promise<OpenJobs>;
  /** Records the last message that was handled in a channel. It is written within a second, or with the next job. */
  markSeen(bot: string, place: string, message: string): void;
  /** The last message that was handled in each channel within the last 30 days, newest first. */
  lastSeen(bot: string): Promise<ReadonlyMap<string, string>>;
  /** Writes what has not been written yet, and closes the journal. */
  close(): Promise<void>;
}
