import { setTimeout as delay } from 'node:timers/promises';

type Look<T> = T | undefined | null | false;

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
  for (const end = performance.now() + forMs; ; await delay(10)) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`${what} was not seen`);
  }
}
