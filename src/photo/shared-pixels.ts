import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';

/**
 * Memory for pixels that several threads look at. Each thread that has seen it holds it until that thread tidies up, and one that computes
 * in native code hardly ever does: a walk gives back what it took, and the next one takes it again.
 */
const walks = new AsyncLocalStorage<SharedArrayBuffer[]>();
/** What walks under way have taken, of those that have taken anything; and who waits until there are none. */
const held = new Set<SharedArrayBuffer[]>();
const changes = new EventEmitter().setMaxListeners(0);
/** What has been given back, the oldest first. */
const free: SharedArrayBuffer[] = [];
/** Most bytes that are kept for later, those that were used last: the pictures of two walks. */
const MOST_FREE = 64 * 2 ** 20;
/** Sizes are rounded up to a power of two from here on, so that most photos have a few of them. What nobody writes to is not in memory. */
const SMALLEST = 2 ** 20;

/**
 * Runs one walk; the pixels that are taken in it are used again by others once it has succeeded. Where it fails, a thread that nobody waits
 * for any more may be looking at them still, and they are left to be collected.
 * @param work nothing that it returns may be pixels that it took
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

/** Shared memory of so many bytes, which hold anything: the present walk's, or new where there is none. */
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
 * Waits until no walk but the present one holds pixels, and lets go of what is kept for later: what comes needs the room.
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
