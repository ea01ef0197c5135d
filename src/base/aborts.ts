/** Waits for a promise, but rejects with the signal's reason as soon as that is aborted. The work itself goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return await promise;
  // After an abort the promise may still reject, and nobody handles that.
  promise.catch(() => {});
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

interface Deadline {
  readonly milliseconds: number;
  /** Makes the error that the caller gets when the time is over. */
  readonly tooLate: () => Error;
  /** Cancels the work. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gets a promise that resolves when the work has ended, with or without an error. Work that ignores its signal may end after
   * the caller got its answer; until then it keeps its memory, its thread and its place in a queue.
   */
  readonly onStart?: ((ended: Promise<void>) => void) | undefined;
}

/**
 * Runs work with a time limit, which its caller may also cancel.
 * @param work gets a signal that is aborted when the time is over or the caller gives up. The promise returned here settles
 *   then, even if the work ignores the signal
 * @throws `tooLate()` when time is over; the outer signal's reason when that was aborted; whatever the work throws
 */
export async function withDeadline<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { milliseconds, tooLate, signal: outer, onStart } = deadline;
  outer?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(tooLate()), milliseconds);
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', onOuterAbort, { once: true });
  const ignore = () => {};
  try {
    const working = work(controller.signal);
    onStart?.(working.then(ignore, ignore));
    return await unlessAborted(working, controller.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', onOuterAbort);
  }
}
