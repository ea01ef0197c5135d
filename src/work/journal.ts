/**
 * Work that is under way, so that no end of the process loses any of it. A job is nothing but ids: whoever takes one over asks the platform
 * for the rest again. `FileJournal` keeps jobs in the state folder for one process; a queue in Redis keeps the same jobs for several.
 */

/** How long it is kept what was seen, in milliseconds: a bot that was away for longer reads nothing back. */
export const SEEN_KEPT_MS = 30 * 24 * 60 * 60_000;

/** What names a job: one message or one command. */
export interface JobKey {
  /** The bot's account that was asked, unique among all platforms. */
  readonly bot: string;
  /** The channel that it was asked in, as its platform names it. */
  readonly place: string;
  /** The message or command that asks. */
  readonly message: string;
}

/** Something that somebody waits for. No names, no words, no addresses, no tokens: ids only. */
export interface Job extends JobKey {
  /** A message that stands there for everybody, or a command, whose asker sees that the bot is at work. */
  readonly kind: 'posted' | 'command';
  /** The pictures that it came with. */
  readonly files: readonly string[];
  /** The message that a command is about, where it is about one. */
  readonly about?: string;
  /** When work on it began first, in milliseconds since 1970. */
  readonly begun: number;
}

/** A job of an earlier run. */
export interface LeftJob extends Job {
  /** How many runs have begun it and ended before it was done, this one not counted; at least 1. */
  readonly runs: number;
  /** Whether the last of them ended while this was all that it had under way: see `suspect`. */
  readonly isSuspect: boolean;
  /** How many of them may have said something that only the asker sees, 2 at most: see `whisper`. */
  readonly whispers: 0 | 1 | 2;
}

/** How often something may have been said to an asker alone before it is left at that: a third time would be too much. */
export const MOST_WHISPERS = 2;

/** Whether an earlier run may have said something of a job that only the asker sees, and that nobody can look for. */
export function wasWhispered(job: Job | LeftJob): boolean {
  return 'whispers' in job && job.whispers > 0;
}

/** Where jobs are written down. */
export interface Journal {
  /**
   * Writes a job down, before work on it begins; one that is there already stays as it is.
   * @returns once no end of the process loses it
   * @throws Error where it cannot be written
   */
  begin(job: Job): Promise<void>;
  /** Forgets a job: it has been answered, refused in words, or there is nobody to answer. Errors as of `begin`. */
  end(job: JobKey): Promise<void>;
  /** Notes that a job of an earlier run is about to be looked at alone: where the process ends now, it ends over this. Errors as of `begin`. */
  suspect(job: JobKey): Promise<void>;
  /**
   * Notes that something is about to be said of a job that only the asker sees: where the process ends before `end`, nobody can look
   * whether it was. Errors as of `begin`.
   * @param couldNot true where it could not be said after all
   */
  whisper(job: JobKey, couldNot?: boolean): Promise<void>;
  /**
   * The jobs of processes that are not alive any more, oldest first: they are this process's from now on.
   * @param isOurs which channels this process may answer in; all of them unless told. Where it rejects, a job is left for another time
   */
  takeOver(bot: string, isOurs?: (place: string) => Promise<boolean>): Promise<LeftJob[]>;
  /** Takes note of the last message that was looked at in a channel; written within a second, or with the next job. */
  see(bot: string, place: string, message: string): void;
  /** The last message that was looked at in each channel, as far as it is less than 30 days ago, newest first. */
  lastSeen(bot: string): Promise<ReadonlyMap<string, string>>;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}
