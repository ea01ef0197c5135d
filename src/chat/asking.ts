import type { Request } from '../../commands/request.ts';
import type { Job } from '../work/journal.ts';

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
  /** Called after the last word. */
  readonly end?: () => unknown;
}
