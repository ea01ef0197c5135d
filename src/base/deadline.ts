import { tooSlow } from '../photo/decode.ts';

/**
 * Runs work that has a time limit and that its caller may call off.
 * @param work gets a signal that is aborted when time is over or the caller gives up; even where it does not listen, the
 *   promise returned here ends then
 * @throws UserError too-slow when time is over; the outer signal's reason when that was aborted; whatever the work throws
 */
export async function withDeadline<T>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(tooSlow()), milliseconds);
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', onOuterAbort, { once: true });
  const { signal } = controller;
  try {
    return await Promise.race([
      work(signal),
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    ]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', onOuterAbort);
  }
}
