import { setTimeout as delay } from 'node:timers/promises';

type Look<T> = T | undefined | null | false;

/** Milliseconds between two looks, after the first ones. */
const MOST_BETWEEN_MS = 60;

/**
 * Waits until a look finds something.
 * @param what names it in the error
 * @param forMs longer than a busy machine would take
 * @throws Error where it was not found in that time
 */
export async function until<T>(
  look: () => Look<T> | Promise<Look<T>>,
  what = 'what was waited for',
  forMs = 45_000,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const found = await look();
    if (found) return found;
    const waited = performance.now() - start;
    if (waited > forMs) throw new Error(`${what} was not seen`);
    // After a while, looks become rare, to leave the processor to the work that is waited for.
    await delay(Math.min(MOST_BETWEEN_MS, 10 + waited / 20));
  }
}
