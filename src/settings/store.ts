import { OutOfReach, UserError } from '../base/errors.ts';

/**
 * A few small texts by key that outlive the process. Several processes may use one store at a time; whatever happens to
 * any of them, a key holds either its old value or its new one.
 */
export interface Store {
  /** @throws UserError 'busy' where the store cannot be reached just now */
  get(key: string): Promise<string | undefined>;
  /**
   * Keeps a value; once this resolves, the end of the process loses nothing.
   * @throws UserError 'no-space' where there is no room, and nothing has changed; 'busy' where the store cannot be reached
   */
  set(key: string, value: string): Promise<void>;
  /** Keeps a value where there is none. @returns the value that there is now, whoever set it; errors as of `set` */
  setIfAbsent(key: string, value: string): Promise<string>;
  /**
   * Keeps another value in the place of the one that is known, unless somebody has set another since. Errors as of `set`.
   * @returns whether it was
   */
  replace(key: string, known: string, value: string): Promise<boolean>;
  /** The keys that begin so, in no order; what is set meanwhile may be left out. Errors as of `get`. */
  keys(prefix: string): Promise<string[]>;
  /** Forgets a value; nothing happens where there is none. Errors as of `set`. */
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

/** There is no room for what should be kept. */
export function noSpace(cause: unknown): UserError {
  return new UserError(
    'no-space',
    'I could not save that: there is no room left where I keep it. Nothing has changed. Whoever runs me has to make room.',
    { cause },
  );
}

/** The store cannot be told. */
export function unsaved(cause: unknown): UserError {
  return new UserError('busy', 'I could not save that just now. Try again in a minute.', { cause });
}

/** The store does not hold any more what this process knows it held: nobody knows who opted out. */
export function replaced(cause: unknown): UserError {
  return new UserError(
    'busy',
    'What I keep of who wants to be left alone was emptied or replaced while I ran, so I leave everyone alone and save nothing. Whoever runs me has to restore it, or restart me to begin anew.',
    { cause },
  );
}

/** The store cannot be asked: then nobody knows who opted out, and nothing may be read. */
export function unreachable(cause: unknown): OutOfReach {
  return new OutOfReach(
    'I cannot look up just now who wants to be left alone, so I leave everyone alone. Try again in a minute.',
    { cause },
  );
}
