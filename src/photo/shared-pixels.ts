import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';

/**
 * Shared memory for pixels that several threads look at. Each thread that has seen a buffer keeps it until its garbage collector runs,
 * which is seldom in a thread that computes in native code. So a walk gives its buffers back, and the next walk uses them again.
 */
const walks = new AsyncLocalStorage<SharedArrayBuffer[]>();
/** The buffers of each walk under way that has taken any. `changes` tells those who wait for such walks to end. */
const held = new Set<SharedArrayBuffer[]>();
const changes = new EventEmitter().setMaxListeners(0);
/** Buffers that have been given back, the oldest first. */
const free: SharedArrayBuffer[] = [];
/** Most bytes kept for later: the pictures of two walks. The buffers used last are kept. */
const MOST_FREE = 64 * 2 ** 20;
/**
 * The smallest buffer, in bytes. Larger ones are rounded up to a power of two, so that most photos need one of a few sizes. Pages that
 * nobody writes to take no memory.
 */
const SMALLEST = 2 ** 20;

/**
 * Runs one walk. Once it has succeeded, other walks use its buffers again. Where it fails, a thread that nobody waits for any more may
 * still be looking at them, so they are left to the garbage collector.
 * @param work must not return pixels that it took
 */
export async function reusingPixels<T>(work: () => Promise<T>): Promise<T> {
  const taken: SharedArrayBuffer[] = [];
  const result = await walks.run(taken, work).finally(() => {
    held.delete(taken);
    changes.emit('ended');
  });
  free.push(...taken);
  let bytes = free.reduce((sum, { byteLength }) => sum + byteLength, 0);
  while (bytes > MOST_FREE) bytes -= free.shift()!.byteLength;
  return result;
}

/** Shared memory of `length` bytes, whose content is undefined. It belongs to the current walk; outside of a walk it is newly allocated. */
export function takePixels(length: number): Uint8Array {
  const taken = walks.getStore();
  if (taken === undefined) return new Uint8Array(new SharedArrayBuffer(length));
  const size = 2 ** Math.ceil(Math.log2(Math.max(length, SMALLEST)));
  const at = free.findLastIndex(({ byteLength }) => byteLength === size);
  const buffer = at < 0 ? new SharedArrayBuffer(size) : free.splice(at, 1)[0]!;
  taken.push(buffer);
  held.add(taken);
  return new Uint8Array(buffer, 0, length);
}

/**
 * Waits until no walk but the current one holds pixels, and frees the buffers kept for later, since the current walk needs the memory.
 * @throws the signal's reason
 */
export async function aloneWithPixels(signal: AbortSignal): Promise<void> {
  const own = walks.getStore();
  const othersHold = () => [...held].some((taken) => taken !== own);
  while (othersHold()) {
    await once(changes, 'ended', { signal }).catch(() => signal.throwIfAborted());
  }
  free.length = 0;
}
