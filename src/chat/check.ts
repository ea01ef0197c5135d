/** What a chat's servers say about the bot's credentials. They are asked without starting the bot. */
export interface ChatCheck {
  /** Which account the bot has there, as a clause. */
  readonly about: string;
  /** What the bot cannot do there, and how to mend that. */
  readonly problems: readonly { readonly what: string; readonly remedy: string }[];
}
