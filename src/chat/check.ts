/** What a chat's own servers say of the bot's credentials, without the bot being started. */
export interface ChatCheck {
  /** Who the bot is there, in a clause. */
  readonly about: string;
  /** What keeps it from working whole, and what mends that. */
  readonly problems: readonly { readonly what: string; readonly remedy: string }[];
}
