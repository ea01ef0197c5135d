import { OutOfReach, UserError } from '../base/errors.ts';

/**
 * Stores small texts by key, beyond the end of the process. Several processes may use one store at the same time. Whatever
 * happens to any of them, a key holds either its old value or its new one.
 */
export interface Store {
  /** @throws UserError 'busy' where the store cannot be reached at the moment */
  get(key: string): Promise<string | undefined>;
  /**
   * Stores a value. Once this resolves, the value survives the end of the process.
   * @throws UserError 'no-space' where there is no room, and then nothing has changed; 'busy' where the store cannot be reached
   */
  set(key: string, value: string): Promise<void>;
  /** Stores a value where there is none. @returns the value that is there now, whoever set it; errors as for `set` */
  setIfAbsent(key: string, value: string): Promise<string>;
  /**
   * Replaces a value, unless it is not the known one any more. Errors as for `set`.
   * @param value must differ from what any other caller would write, where the caller has to know whether it was its own
   * @returns whether it was replaced; it may be called replaced where it was this value already
   */
  replace(key: string, known: string, value: string): Promise<boolean>;
  /** All keys with a prefix, in no order. Keys that are set during the call may be missing. Errors as for `get`. */
  keys(prefix: string): Promise<string[]>;
  /** Deletes a value; does nothing where there is none. Errors as for `set`. */
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

/** The error where the store has no room left. */
export function noSpace(cause: unknown): UserError {
  return new UserError(
    'no-space',
    'I could not save that: there is no room left where I keep it. Nothing has changed. The person who runs me has to make room.',
    { cause },
  );
}

/** The error where the store may be read, but not written. */
export function readOnly(cause: unknown): UserError {
  return new UserError(
    'no-space',
    'I could not save that: the place where I keep it may not be written. Nothing has changed. The person who runs me has to allow it.',
    { cause },
  );
}

/** The error where a value cannot be saved because the store cannot be reached. */
export function unsaved(cause: unknown): UserError {
  return new UserError('busy', 'I could not save that. Try again in a minute.', { cause });
}

/** The error where the store has lost what it held, so that the bot does not know who opted out. */
export function replaced(cause: unknown): UserError {
  return new UserError(
    'busy',
    'My list of people whose photos I must not read was emptied or replaced while I ran, so I read nobody’s photos and save nothing. The person who runs me has to restore it, or restart me to begin with an empty list.',
    { cause },
  );
}

/** The error where the store cannot be read. Then the bot does not know who opted out, and may read no photos. */
export function unreachable(cause: unknown): OutOfReach {
  return new OutOfReach(
    'I cannot look up at the moment whose photos I must not read, so I read nobody’s. Try again in a minute.',
    { cause },
  );
}
