import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { untilDone } from '../until-done.ts';
import type { Source } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { isOutOfReach, rateLimitOf } from './errors.ts';
import { messagesAt } from './messages-at.ts';
import { takeBackSurely } from './outgoing.ts';
import { type RemoveState, removeStateOf } from './remove-button.ts';

/** How often messages are read in all, where Slack's rate limit says to wait. */
const MAX_LOOKS = 4;
/** How many pages of a channel are searched for a thread, and how many threads for an answer. */
const MAX_PAGES = 3;
const MAX_THREADS = 12;

/**
 * Removes answers that an earlier run of the bot gave to a removed message, or to some of its pictures. Their buttons name
 * what they answer.
 * @param isLost called with the id of the picture's file, undefined where the button does not name one
 * @returns whether there were any
 */
export async function takeBackAnswersTo(
  context: SlackContext,
  source: Source,
  isLost: (picture: string | undefined) => boolean,
): Promise<boolean> {
  const { channel, thread } = source;
  const answers: { readonly ts: string; readonly state: RemoveState }[] = [];
  await looking(async () => {
    answers.length = 0;
    // One page is enough: answers come right after what they answer.
    for await (const message of messagesAt(context, { channel, thread }, { oldest: source.ts, pages: 1 })) {
      const state = message.user === context.me.userId ? removeStateOf(message) : undefined;
      if (state?.source !== source.ts || message.ts === undefined || !isLost(state.picture)) continue;
      answers.push({ ts: message.ts, state });
    }
  });
  for (const { ts, state } of answers) await takeBackSurely(context, channel, state, ts);
  return answers.length > 0;
}

/**
 * The same for a removed message of which Slack does not say in which thread it was. The channel's latest threads are searched in which
 * something was written since.
 */
export async function takeBackInAnyThread(context: SlackContext, source: Source): Promise<void> {
  const { channel, ts } = source;
  const threads: string[] = [];
  await looking(async () => {
    threads.length = 0;
    for await (const { ts: first, latest_reply: last } of messagesAt(context, { channel }, { pages: MAX_PAGES })) {
      if (first !== undefined && first < ts && last !== undefined && last > ts) threads.push(first);
      if (threads.length === MAX_THREADS) break;
    }
  });
  for (const thread of threads) if (await takeBackAnswersTo(context, { ...source, thread }, () => true)) return;
}

/** Runs a look through messages until it has been possible, for a removal that nobody asks for a second time. */
async function looking(look: () => Promise<void>): Promise<void> {
  await untilDone(
    () => waitingForTurns(look),
    (error) => isOutOfReach(error) && rateLimitOf(error) === undefined,
  );
}

/** Runs a look through messages, and repeats it after each pause that Slack's rate limit asks for. Not for work that a person waits for. */
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
