import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createWorkerPool, endIdleThreads, WorkerDied, type WorkerPool } from '../../src/base/workers.ts';
import type { ThreadTask } from '../fixtures/thread-worker.ts';

const isDeath = (error: unknown) => error instanceof WorkerDied;

type Pool = WorkerPool<ThreadTask, { result: number; threadId: number }>;

const open: Pool[] = [];
function pool(threads: number, uninterruptible = false, atOnce = 1, hangsAfter = 60_000): Pool {
  const worker = new URL('../fixtures/thread-worker.ts', import.meta.url);
  const made: Pool = createWorkerPool(worker, { threads, uninterruptible, atOnce, hangsAfter });
  open.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe('createWorkerPool', () => {
  it('runs a TypeScript file on a thread of its own', async () => {
    const answer = await pool(1).run({ square: 7 });
    expect(answer.result).toBe(49);
    expect(answer.threadId).not.toBe(isMainThread ? 0 : threadId);
  });

  it('answers every task of more than there are threads', async () => {
    const workers = pool(2);
    const answers = await Promise.all(Array.from({ length: 9 }, (_, k) => workers.run({ square: k })));
    expect(answers.map(({ result }) => result)).toEqual([0, 1, 4, 9, 16, 25, 36, 49, 64]);
    expect(new Set(answers.map((answer) => answer.threadId)).size).toBeLessThanOrEqual(2);
  });

  it.each([true, false])(
    'takes one signal for as many tasks as there are, without a warning, and leaves nothing at it (uninterruptible: %s)',
    async (uninterruptible) => {
      const warnings: string[] = [];
      const listen = ({ name, message }: Error) => warnings.push(`${name}: ${message}`);
      process.on('warning', listen);
      try {
        const workers = pool(1, uninterruptible);
        const { signal } = new AbortController();
        await Promise.all(Array.from({ length: 12 }, (_, k) => workers.run({ square: k }, signal)));
        expect(getEventListeners(signal, 'abort')).toEqual([]);
        expect(warnings).toEqual([]);
      } finally {
        process.off('warning', listen);
      }
    },
  );

  it('runs several tasks at once on a thread where that is asked for', async () => {
    const workers = pool(1, false, 2);
    const ended: number[] = [];
    const slow = workers.run({ square: 4, after: 500 });
    const both = [slow, workers.run({ square: 5 })].map(async (task) => ended.push((await task).result));
    await Promise.all(both);
    expect(ended).toEqual([25, 16]);
  });

  it('passes on what a worker throws, and goes on', async () => {
    const workers = pool(1);
    await expect(workers.run({ fail: 'no such square' })).rejects.toThrow('no such square');
    expect((await workers.run({ square: 3 })).result).toBe(9);
  });

  it('ends a running task with the reason it was given, and goes on with a new thread', async () => {
    const workers = pool(1);
    const controller = new AbortController();
    const stuck = workers.run({ forever: true }, controller.signal);
    const reason = new Error('changed my mind');
    await Promise.all([expect(stuck).rejects.toBe(reason), sleep(300).then(() => controller.abort(reason))]);
    expect((await workers.run({ square: 5 })).result).toBe(25);
  });

  it('lets a task that must not be interrupted end on its thread, though nobody waits for it any more', async () => {
    const workers = pool(1, true);
    const { threadId: thread } = await workers.run({ square: 2 });
    const controller = new AbortController();
    const given = workers.run({ square: 3, after: 300 }, controller.signal);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(await workers.run({ square: 4 })).toEqual({ result: 16, threadId: thread });
  });

  it.each([true, false])(
    'says so where a thread ends in the middle, and goes on with a new one (uninterruptible: %s)',
    async (uninterruptible) => {
      const workers = pool(1, uninterruptible);
      await expect(workers.run({ die: true })).rejects.toBeInstanceOf(WorkerDied);
      expect((await workers.run({ square: 6 })).result).toBe(36);
    },
  );

  it('replaces a thread that hangs in a task which nobody waits for any more; what waited behind it is run', async () => {
    const workers = pool(1, true, 1, 200);
    const controller = new AbortController();
    const beats = new Int32Array(new SharedArrayBuffer(4));
    const stuck = workers.run({ forever: true, beats }, controller.signal);
    const behind = workers.run({ square: 7 });
    const reason = new Error('too slow');
    await Promise.all([expect(stuck).rejects.toBe(reason), sleep(100).then(() => controller.abort(reason))]);
    expect((await behind).result).toBe(49);
    expect((await workers.run({ square: 8 })).result).toBe(64);
    const end = performance.now() + 5000;
    let before: number;
    do {
      before = beats[0]!;
      await sleep(100);
    } while (before !== beats[0] && performance.now() < end);
    expect(beats[0], 'its thread has ended').toBe(before);
  });

  it('leaves a thread alone whose task somebody waits for, though one behind it was given up long ago', async () => {
    const workers = pool(1, true, 1, 100);
    const { threadId: thread } = await workers.run({ square: 2 });
    const slow = workers.run({ square: 3, after: 600 });
    const controller = new AbortController();
    const reason = new Error('its photo is gone');
    const behind = expect(workers.run({ square: 4 }, controller.signal)).rejects.toBe(reason);
    controller.abort(reason);
    await behind;
    expect(await slow).toEqual({ result: 9, threadId: thread });
    expect((await workers.run({ square: 5 })).threadId).toBe(thread);
  });

  it.each([true, false])(
    'runs what waited behind a thread that ended in the middle (uninterruptible: %s)',
    async (uninterruptible) => {
      const workers = pool(1, uninterruptible);
      const dying = workers.run({ die: true });
      const behind = [6, 7].map((square) => workers.run({ square }));
      await expect(dying).rejects.toBeInstanceOf(WorkerDied);
      expect((await Promise.all(behind)).map(({ result }) => result)).toEqual([36, 49]);
    },
  );

  it('runs what waited behind a task that was cancelled in the middle', async () => {
    const workers = pool(1);
    const controller = new AbortController();
    const stuck = workers.run({ forever: true }, controller.signal);
    const behind = [workers.run({ square: 6 }, new AbortController().signal), workers.run({ square: 7 })];
    const reason = new Error('changed my mind');
    await Promise.all([expect(stuck).rejects.toBe(reason), sleep(300).then(() => controller.abort(reason))]);
    expect((await Promise.all(behind)).map(({ result }) => result)).toEqual([36, 49]);
  });

  it.each([true, false])(
    'says so where no thread can be started, and tries again with the next task (uninterruptible: %s)',
    async (uninterruptible) => {
      vi.stubEnv('CANNOT_LOAD', 'too many open files');
      onTestFinished(() => void vi.unstubAllEnvs());
      const workers: Pool = createWorkerPool(new URL('../fixtures/unloadable-worker.ts', import.meta.url), {
        threads: 2,
        uninterruptible,
      });
      open.push(workers);
      const { signal } = new AbortController();
      const tasks = [1, 2, 3].map((square) => workers.run({ square }, square === 2 ? signal : undefined));
      for (const result of await Promise.allSettled(tasks)) {
        expect(result).toMatchObject({ reason: { message: 'no thread could be started' } });
        expect(result, 'no task is to blame').toMatchObject({ reason: expect.not.toSatisfy(isDeath) });
      }
      vi.unstubAllEnvs();
      expect((await workers.run({ square: 6 })).result).toBe(36);
    },
  );

  it('waits, when closed, for a task that must not be interrupted', async () => {
    const workers = pool(1, true);
    const running = workers.run({ square: 5, after: 300 });
    await sleep(100);
    await workers.close();
    expect((await running).result).toBe(25);
  });

  it('never starts a task that was cancelled before', async () => {
    const reason = new Error('too late');
    await expect(pool(1).run({ forever: true }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each([false, true])(
    'ends idle threads, and starts others when work comes (uninterruptible: %s)',
    async (uninterruptible) => {
      const worker = new URL('../fixtures/thread-worker.ts', import.meta.url);
      const make = (): Pool => createWorkerPool(worker, { threads: 1, uninterruptible, idleThreadsMayEnd: true });
      const [idle, busy, other] = [make(), make(), pool(1, uninterruptible)];
      open.push(idle, busy);
      const [first, kept] = await Promise.all([idle.run({ square: 2 }), other.run({ square: 2 })]);
      const atWork = busy.run({ square: 3, after: 300 });
      await endIdleThreads();
      const again = idle.run({ square: 4 });
      expect((await atWork).result).toBe(9);
      expect(await again).toMatchObject({ result: 16, threadId: expect.not.toSatisfy((id) => id === first.threadId) });
      expect((await other.run({ square: 5 })).threadId).toBe(kept.threadId);
      expect((await busy.run({ square: 5 })).threadId).toBe((await atWork).threadId);
    },
  );

  it('rejects what still runs when it closes', async () => {
    const workers = pool(1);
    const stuck = workers.run({ forever: true });
    await Promise.all([expect(stuck).rejects.toThrow(), sleep(300).then(() => workers.close())]);
  });
});
