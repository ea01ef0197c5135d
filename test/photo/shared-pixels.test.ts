import { AsyncResource } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { aloneWithPixels, reusingPixels, takePixels } from '../../src/photo/shared-pixels.ts';

/** The shared memory that a walk gets for so many bytes. */
const walk = (bytes: number) => reusingPixels(async () => ({ buffer: takePixels(bytes).buffer }));

describe('shared pixels', () => {
  it('are as many as were asked for, in shared memory', async () => {
    const sizes = [0, 1, 3 * 2048 * 2048];
    const taken = await reusingPixels(async () => sizes.map((bytes) => takePixels(bytes)));
    expect(taken.map(({ length }) => length)).toEqual(sizes);
    for (const { buffer } of taken) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('are used again by the next walk, where its photo is about as large', async () => {
    const first = await walk(5_000_000);
    expect((await walk(6_000_000)).buffer).toBe(first.buffer);
    expect((await walk(100)).buffer).not.toBe(first.buffer);
  });

  it('belong to one walk at a time', async () => {
    const both = await Promise.all([walk(5_000_000), walk(5_000_000)]);
    expect(both[0]!.buffer).not.toBe(both[1]!.buffer);
    await reusingPixels(async () => {
      const mine = takePixels(5_000_000).buffer;
      expect(takePixels(5_000_000).buffer).not.toBe(mine);
      expect((await walk(5_000_000)).buffer).not.toBe(mine);
    });
  });

  it('of a walk that failed are left to whoever may still look at them', async () => {
    let buffer: ArrayBufferLike | undefined;
    const failed = reusingPixels(async () => {
      buffer = takePixels(9_000_000).buffer;
      throw new Error('called off');
    });
    await expect(failed).rejects.toThrow('called off');
    expect((await walk(9_000_000)).buffer).not.toBe(buffer);
  });

  it('are new outside a walk, and belong to the walk in which their taker was bound', async () => {
    expect(takePixels(70).buffer.byteLength).toBe(70);
    let take = takePixels;
    const asked = new EventEmitter();
    const outside = once(asked, 'asked').then(() => take(3_000_000).buffer);
    const { buffer } = await reusingPixels(async () => {
      take = AsyncResource.bind(takePixels);
      asked.emit('asked');
      return { buffer: await outside };
    });
    expect((await walk(3_000_000)).buffer).toBe(buffer);
  });

  it('are waited for by others that need the room, also those of a walk that fails, but not by their own walk', async () => {
    const never = new AbortController().signal;
    const ends: ((how: Promise<void>) => void)[] = [];
    const others = [0, 1].map(() =>
      reusingPixels(async () => {
        takePixels(10);
        await new Promise<void>((resolve) => {
          ends.push(resolve);
        });
      }).catch(() => {}),
    );
    let isAlone = false;
    const kept = (await walk(4_000_000)).buffer;
    const waiting = reusingPixels(async () => {
      takePixels(10);
      await aloneWithPixels(never);
      isAlone = true;
      return takePixels(4_000_000).buffer !== kept;
    });
    const reason = new Error('nobody wants it any more');
    await expect(aloneWithPixels(AbortSignal.abort(reason))).rejects.toBe(reason);
    ends[0]!(Promise.resolve());
    await others[0];
    expect(isAlone).toBe(false);
    ends[1]!(Promise.reject(new Error('broken')));
    expect(await waiting).toBe(true);
  });

  it('are not kept without bound', async () => {
    const large = await walk(2 ** 25);
    await reusingPixels(async () => {
      for (let k = 0; k < 5; k++) takePixels(2 ** 24);
    });
    expect((await walk(2 ** 25)).buffer).not.toBe(large.buffer);
  });
});
