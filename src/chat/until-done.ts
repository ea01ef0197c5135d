import pRetry from 'p-retry';

/** How often work is tried again, and after which pauses in milliseconds: for a quarter of an hour in all. */
const TRIES = { retries: 18, minTimeout: 1000, maxTimeout: 60_000, factor: 2 };

/**
 * Does work that nobody asks for a second time, such as the removal of an answer whose photo is gone. While the chat cannot be reached it
 * is tried again, ever more rarely.
 * @param isPassing whether another try may work after an error
 * @throws the error of the last try
 */
export async function untilDone<T>(work: () => Promise<T>, isPassing: (error: unknown) => boolean): Promise<T> {
  return await pRetry(work, { ...TRIES, shouldRetry: ({ error }) => isPassing(error) });
}
