import type { SlackMessage } from './attachment.ts';
import type { SlackContext } from './context.ts';
import type { Destination } from './uploads.ts';

/** How many pages of a thread or channel are read, and how many messages a page has. */
const MAX_PAGES = 5;
const PAGE = 200;
/** By how many milliseconds this machine's clock may differ from Slack's. */
const CLOCKS_MS = 5000;

/**
 * The messages of a thread, oldest first, or of a channel, newest first. None where the thread does not exist.
 * @param from.oldest the time of the oldest message to return
 * @param from.pages how many pages to read, at most
 */
export async function* messagesAt(
  context: SlackContext,
  { channel, thread }: Destination,
  { oldest, pages = MAX_PAGES }: { readonly oldest?: string; readonly pages?: number } = {},
): AsyncGenerator<SlackMessage> {
  let cursor: string | undefined;
  for (let page = 0; page < pages; page++) {
    const more = {
      channel,
      limit: PAGE,
      ...(oldest !== undefined && { oldest, inclusive: true }),
      ...(cursor !== undefined && { cursor }),
    };
    let answer: { readonly messages?: unknown[]; readonly response_metadata?: { readonly next_cursor?: string } };
    try {
      answer =
        thread === undefined
          ? await context.lookBack.conversations.history(more)
          : await context.lookBack.conversations.replies({ ...more, ts: thread });
    } catch (error) {
      // A thread without replies disappears with its first message.
      if (thread !== undefined && error instanceof Error && /thread_not_found|message_not_found/.test(error.message))
        return;
      throw error;
    }
    yield* (answer.messages ?? []) as SlackMessage[];
    cursor = answer.response_metadata?.next_cursor || undefined;
    if (cursor === undefined) return;
  }
}

/**
 * Finds a message that the bot has posted since a given time.
 * @param since in milliseconds since 1970, by this machine's clock
 */
export async function findPosted(
  context: SlackContext,
  to: Destination,
  since: number,
  isIt: (message: SlackMessage) => boolean,
): Promise<SlackMessage | undefined> {
  const oldest = (since - CLOCKS_MS) / 1000;
  for await (const message of messagesAt(context, to, { oldest: oldest.toFixed(6), pages: 1 })) {
    // Slack always returns a thread's first message, however old it is.
    const isLater = Number.parseFloat(message.ts ?? '0') >= oldest;
    if (message.user === context.me.userId && isLater && isIt(message)) return message;
  }
  return undefined;
}
