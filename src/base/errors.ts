/** Mistakes of people. Each code becomes a polite reply, never a stack trace. */
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
 * A person's mistake, with a sentence that says what to do about it. Every other error is a bug: the outermost handler logs
 * it with an id and replies with that id.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  readonly code: UserErrorCode;

  constructor(code: UserErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Something may be available after a pause. A caller that holds a place which others wait for should free it during the pause. */
export class NotYet extends UserError {
  /** How long to wait before another try, in milliseconds. */
  readonly pauseMs: number;

  constructor(message: string, pauseMs: number, options?: ErrorOptions) {
    super('busy', message, options);
    this.pauseMs = pauseMs;
  }
}

/** Something that every answer needs cannot be reached at the moment, through nobody's fault. */
export class OutOfReach extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super('busy', message, options);
  }
}

/** A call to a chat failed, and nobody knows whether it was carried out. Check that before another try. */
export class ChatFailed extends Error {
  override readonly name = 'ChatFailed';

  constructor(cause: unknown) {
    super('the chat could not be reached, or failed', { cause });
  }
}

/** The error code of the system or a library, e.g. 'ENOENT'; undefined where the error has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error's message; any other thrown value as text. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Turns the error of listening at a port into a UserError; returns errors that are not the system's as they are.
 * @param what what is not possible, e.g. 'Figures cannot be shown'
 * @param settings names of the settings that a person can change: that of the port, and of the address where there is one
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

/** The error for everyone who asks while the bot is stopping. @param next what to do then, as a sentence */
export function aboutToRestart(next = 'Try again in a minute.'): UserError {
  return new UserError('busy', `I am about to restart. ${next}`);
}

/** The error for a file of more than `maxBytes` bytes. Its sentence fits a chat and a terminal. */
export function tooLarge(maxBytes: number): UserError {
  const megabytes = Math.floor(maxBytes / (1024 * 1024));
  return new UserError('too-large', `That file is larger than ${megabytes} MB. Try a smaller copy of the picture.`);
}

/** The error for a picture that crashes the process or thread that reads it. */
export function brokeDown(options?: ErrorOptions): UserError {
  return new UserError(
    'broke-down',
    'Reading this picture made me crash, so I do not try it again. Save it in another format, such as JPEG, and post that.',
    options,
  );
}

/** The sentence for a person whose command was not answered because the bot was restarted. */
export const WAS_RESTARTED = 'I was restarted before I could answer /emotions. Ask me again.';
