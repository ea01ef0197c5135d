import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { SlackMessage, Source } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { rateLimitOf } from './errors.ts';
import { takeBack } from './outgoing.ts';
import { type RemoveState, removeStateOf } from './remove-button.ts';
import type { Destination } from './uploads.ts';

/** Pages of a thread or channel that are looked through, and messages a page. */
const MAX_PAGES = 5;
const PAGE = 200;
/** Tries to find the answers to a removed message, where Slack says to wait. */
const MAX_LOOKS = 4;

/**
 * Removes the answers to a message that has been removed, or to some of its pictures, where an earlier run of the bot gave
 * them: their buttons name what they are about.
 * @param isLost by the picture's file, undefined where the button does not name one
 */
export async function takeBackAnswersTo(
  context: SlackContext,
  source: Source,
  isLost: (picture: string | undefined) => boolean,
): Promise<void> {
  const { channel, thread } = source;
  const answers: { readonly ts: string; readonly state: RemoveState }[] = [];
  await waitingForTurns(async () => {
    answers.length = 0;
    // They come right after what they answer.
    for await (const message of messagesAt(context, { channel, thread }, { oldest: source.ts, pages: 1 })) {
      const state = message.user === context.me.userId ? removeStateOf(message) : undefined;
      if (state?.source !== source.ts || message.ts === undefined || !isLost(state.picture)) continue;
      answers.push({ ts: message.ts, state });
    }
  });
  for (const { ts, state } of answers) await takeBack(context, channel, state, ts);
}

/** Nothing that a person waits for: whenever Slack says to wait, it is tried again after that. */
export async function waitingForTurns(look: () => Promise<void>): Promise<void> {
  await pRetry(look, {
    retries: MAX_LOOKS - 1,
    minTimeout: 0,
    shouldRetry: ({ error }) => rateLimitOf(error) !== undefined,
    onFailedAttempt: async ({ error }) => {
      const seconds = rateLimitOf(error);
      if (seconds !== undefined) await delay(seconds * 1000);
    },
  });
}

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
