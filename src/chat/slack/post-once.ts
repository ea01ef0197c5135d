import { setTimeout as delay } from 'node:timers/promises';
import { RETRIES } from './api.ts';
import { mayHaveBeenDone, rateLimitOf } from './errors.ts';

/** Milliseconds before it is looked whether something was posted, doubled each time: Slack may need a moment for that itself. */
const FIRST_LOOK_MS = 700;

/**
 * Has Slack post something once. Slack knows no call again that it has had before, and one that failed on the way may have been done: so
 * before another try it is looked whether what was to be posted is there.
 * @param call makes the call by `context.posting`, which tries nothing again itself
 * @param isThere looks for what it posts
 * @throws what the last try threw, or the look
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
