import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { unlessAborted, withDeadline } from '../../src/base/aborts.ts';

const tooLate = () => new Error('too late');

describe('unlessAborted', () => {
  it('resolves or rejects as the promise does', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
    expect(await unlessAborted(Promise.resolve(8))).toBe(8);
    await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });

  it('gives up with the reason of the signal, before or while it waits', async () => {
    const reason = new Error('never mind');
    await expect(unlessAborted(new Promise(() => {}), AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = unlessAborted(new Promise(() => {}), controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('withDeadline', () => {
  it('tells the caller at once when time is over, and says when the work has ended', async () => {
    const events: string[] = [];
    let finish = () => {};
    let ended: Promise<void> | undefined;
    const onStart = (promise: Promise<void>) => {
      ended = promise.then(() => void events.push('ended'));
    };
    const answer = withDeadline({ milliseconds: 20, tooLate, onStart }, async (signal) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      expect(signal.aborted).toBe(true);
      throw new Error('after its time');
    });
    await expect(answer).rejects.toThrow('too late');
    await sleep(20);
    expect(events).toEqual([]);
    finish();
    await ended;
    expect(events).toEqual(['ended']);
  });

  it('aborts the work when the caller cancels it, and does not start what was cancelled before', async () => {
    const reason = new Error('never mind');
    const controller = new AbortController();
    let told: unknown;
    const answer = withDeadline({ milliseconds: 60_000, tooLate, signal: controller.signal }, async (signal) => {
      signal.addEventListener('abort', () => {
        told = signal.reason;
      });
      return await new Promise<never>(() => {});
    });
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(told).toBe(reason);
    let begun = false;
    const begin = async () => {
      begun = true;
    };
    await expect(withDeadline({ milliseconds: 9, tooLate, signal: controller.signal }, begin)).rejects.toBe(reason);
    expect(begun).toBe(false);
  });
});
