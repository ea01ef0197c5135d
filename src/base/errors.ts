/** What a person can get wrong; each code becomes a polite reply, never a stack trace. */
export type UserErrorCode =
  | 'not-a-picture'
  | 'unsupported-picture'
  | 'empty-file'
  | 'cut-picture'
  | 'too-large'
  | 'too-many-pixels'
  | 'too-slow'
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

  constructor(
    readonly code: UserErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
