/** What a person can get wrong; each code becomes a polite reply, never a stack trace. */
export type UserErrorCode =
  | 'not-a-picture'
  | 'unsupported-picture'
  | 'empty-file'
  | 'cut-picture'
  | 'too-large'
  | 'too-many-pixels'
  | 'too-slow'
  | 'broke-down'
  | 'no-picture'
  | 'not-found'
  | 'not-allowed'
  | 'busy'
  | 'cooldown'
  | 'opted-out'
  | 'switched-off'
  | 'no-space'
  | 'bad-usage'
  | 'bad-data'
  | 'bad-model'
  | 'no-data'
  | 'bad-config';

/**
 * A person's mistake, with a sentence that says what to do about it. Everything that is not a UserError is a bug:
 * the edge of the program logs it with an id and replies with that id.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  readonly code: UserErrorCode;

  constructor(code: UserErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What was asked for may be there after a pause: whoever holds a place that others wait for gives it up meanwhile. */
export class NotYet extends UserError {
  /** Milliseconds before it is worth another try. */
  readonly pauseMs: number;

  constructor(message: string, pauseMs: number, options?: ErrorOptions) {
    super('busy', message, options);
    this.pauseMs = pauseMs;
  }
}

/** Something that every answer takes cannot be asked just now, without anybody's doing. */
export class OutOfReach extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super('busy', message, options);
  }
}

/** A chat failed while something was to be looked at or said: nobody knows whether it was. Whoever tries again looks first. */
export class ChatFailed extends Error {
  override readonly name = 'ChatFailed';

  constructor(cause: unknown) {
    super('the chat could not be reached, or failed', { cause });
  }
}

/** The system's or a library's word for what went wrong, e.g. 'ENOENT'; undefined for what has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What an error says itself; what else was thrown as text. */
export function ownWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Why a port cannot be listened at, in words; what is no error of the system's as it is.
 * @param what cannot be, e.g. 'Figures cannot be shown'
 * @param settings names of what a person can change: the port's, and the address's where that is theirs to choose
 */
export function explainPort(
  error: unknown,
  what: string,
  { host, port }: { readonly host: string; readonly port: number },
  settings: { readonly port: string; readonly host?: string },
): unknown {
  const code = codeOf(error);
  const setting = code === 'EADDRINUSE' || code === 'EACCES' ? settings.port : settings.host;
  if (code === undefined || setting === undefined) return error;
  const why = `${what} at port ${port} of ${host} (${code}).`;
  return new UserError('bad-config', `${why} Set ${setting} to another one.`, { cause: error });
}

/** What is said to everyone who asks while the bot stops. @param next what to do then, as a sentence */
export function aboutToRestart(next = 'Try again in a minute.'): UserError {
  return new UserError('busy', `I am about to restart. ${next}`);
}

/** The mistake of choosing a file of more than `maxBytes` bytes; in words that fit a chat and a terminal. */
export function tooLarge(maxBytes: number): UserError {
  const megabytes = Math.floor(maxBytes / (1024 * 1024));
  return new UserError('too-large', `That file is larger than ${megabytes} MB. Try a smaller copy of the picture.`);
}

/** The mistake of posting a picture that ends what reads it. */
export function brokeDown(options?: ErrorOptions): UserError {
  return new UserError(
    'broke-down',
    'I broke down over this picture, so I leave it alone. Save it anew, as a JPEG for instance, and post that.',
    options,
  );
}

/** What is said to whoever had asked a run of the bot that was ended. */
export const WAS_RESTARTED = 'I was restarted before I could answer /emotions. Ask me again.';
