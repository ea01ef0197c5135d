/** What a promise resolves to, or the signal's reason as soon as it is aborted; the work itself goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return await promise;
  // Given up, it may still fail; nobody is there to hear of it.
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
  /** What the caller is told when time is over. */
  readonly tooLate: () => Error;
  /** Calls the work off. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gets a promise that resolves when the work has ended, well or badly. Work that does not listen to its signal may end
   * after the caller was told; until then it keeps its memory, its thread and its place in a queue.
   */
  readonly onStart?: ((ended: Promise<void>) => void) | undefined;
}

/**
 * Runs work that has a time limit and that its caller may call off.
 * @param work gets a signal that is aborted when time is over or the caller gives up; even where it does not listen, the
 *   promise returned here ends then
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
