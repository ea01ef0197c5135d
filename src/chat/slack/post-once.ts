import { setTimeout as delay } from 'node:timers/promises';
import { RETRIES } from './api.ts';
import { mayHaveBeenDone, rateLimitOf } from './errors.ts';

/** Milliseconds before the check whether a message was posted, doubled each time. Slack itself may need a moment to show it. */
const FIRST_LOOK_MS = 700;

/**
 * Posts something exactly once. Slack does not recognise a repeated call, and a call whose connection failed may have been carried out. So
 * before each further try this checks whether the message is there.
 * @param call makes the call with `context.posting`, which repeats nothing itself
 * @param isThere checks whether the message has been posted
 * @throws the error of the last try, or of the check
 */
export async function postOnce(call: () => Promise<void>, isThere: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await call();
      return;
    } catch (error) {
      const seconds = rateLimitOf(error);
      if (tries === RETRIES.retries || (seconds === undefined && !mayHaveBeenDone(error))) throw error;
      await delay(seconds === undefined ? FIRST_LOOK_MS * 2 ** tries : seconds * 1000);
      if (seconds === undefined && (await isThere())) return;
    }
  }
}
