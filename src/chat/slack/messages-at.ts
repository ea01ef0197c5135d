import type { SlackMessage } from './attachment.ts';
import type { SlackContext } from './context.ts';
import type { Destination } from './uploads.ts';

/** Pages of a thread or channel that are looked through, and messages a page. */
const MAX_PAGES = 5;
const PAGE = 200;
/** By how many milliseconds this machine's clock may differ from Slack's. */
const CLOCKS_MS = 5000;

/**
 * The messages of a thread, oldest first, or of a channel, newest first; none where there is no such place.
 * @param from.oldest none before this one
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
      // A thread without replies is gone with its first message.
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
 * A message that the bot has posted since.
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
    // A thread's first message comes along, however old it is.
    const isLater = Number.parseFloat(message.ts ?? '0') >= oldest;
    if (message.user === context.me.userId && isLater && isIt(message)) return message;
  }
  return undefined;
}
