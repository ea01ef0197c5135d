import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { Source } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { rateLimitOf } from './errors.ts';
import { messagesAt } from './messages-at.ts';
import { takeBack } from './outgoing.ts';
import { type RemoveState, removeStateOf } from './remove-button.ts';

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
