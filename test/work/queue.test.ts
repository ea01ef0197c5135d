import { describe, expect, test, vi } from 'vitest';
import { BoundedQueue } from '../../src/work/queue.ts';

/** Work that ends when it is told to. */
function gate() {
  let open!: () => void;
  const opened = new Promise<void>((done) => {
    open = done;
  });
  return { open, wait: () => opened };
}

describe('BoundedQueue', () => {
  test('runs as many at a time as it may, in order', async () => {
    const queue = new BoundedQueue({ concurrency: 2, maxWaiting: 10 });
    let running = 0;
    let most = 0;
    const started: number[] = [];
    const work = (k: number) => async () => {
      started.push(k);
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 5));
      running--;
      return k * k;
    };
    const results = await Promise.all([0, 1, 2, 3, 4].map((k) => queue.run(work(k))));
    expect(results).toEqual([0, 1, 4, 9, 16]);
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });

  test('refuses what would wait beyond its bound, and takes more once there is room', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 1 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    const second = queue.run(wait);
    await expect(queue.run(wait)).rejects.toMatchObject({ name: 'UserError', code: 'busy' });
    open();
    await Promise.all([first, second]);
    await expect(queue.run(async () => 'room')).resolves.toBe('room');
  });

  test('says how much is under way, and for how long the oldest has waited', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 5 });
    const { open, wait } = gate();
    const first = queue.run(wait, { person: 'ada' });
    const givenUp = new AbortController();
    const second = queue.run(wait, { signal: givenUp.signal });
    now.mockReturnValue(1000);
    const third = queue.run(wait, { person: 'bob' });
    expect(queue.running).toBe(1);
    now.mockReturnValue(1500);
    expect(queue.oldestMs).toBe(1500);
    givenUp.abort(new Error('nobody waits for it'));
    await expect(second).rejects.toThrow('nobody waits');
    expect(queue.oldestMs).toBe(500);
    open();
    await Promise.all([first, third]);
    expect([queue.running, queue.oldestMs]).toEqual([0, 0]);
    now.mockRestore();
  });

  test('with no room to wait still runs what can start at once', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 0 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    await expect(queue.run(wait)).rejects.toMatchObject({ code: 'busy' });
    open();
    await first;
  });

  test('keeps a slot free of one person’s work, however much they have', async () => {
    const queue = new BoundedQueue({ concurrency: 2, maxWaiting: 20 });
    const { open, wait } = gate();
    const adas = Array.from({ length: 10 }, () => queue.run(wait, { person: 'ada' }));
    await expect(queue.run(async () => 'read', { person: 'bob' })).resolves.toBe('read');
    expect(queue.waiting).toBe(9);
    open();
    await Promise.all(adas);
    expect(queue.waiting).toBe(0);
  });

  test('takes turns between people where all slots are taken', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 20 });
    const order: string[] = [];
    const work = (person: string) => queue.run(async () => void order.push(person), { person });
    await Promise.all(['ada', 'ada', 'ada', 'ada', 'bob', 'bob', 'eve'].map(work));
    expect(order).toEqual(['ada', 'bob', 'eve', 'ada', 'bob', 'ada', 'ada']);
  });

  test('counts what waits for its person’s turn, and forgets it with its signal', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 2 });
    const { open, wait } = gate();
    const controller = new AbortController();
    const first = queue.run(wait, { person: 'ada' });
    const second = queue.run(wait, { person: 'ada', signal: controller.signal });
    const third = queue.run(async () => 'third', { person: 'ada' });
    await expect(queue.run(wait, { person: 'ada' })).rejects.toMatchObject({ code: 'busy' });
    controller.abort(new Error('removed'));
    await expect(second).rejects.toThrow('removed');
    open();
    await first;
    await expect(third).resolves.toBe('third');
  });

  test('passes on what work throws and goes on', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 1 });
    await expect(queue.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(queue.run(async () => 1)).resolves.toBe(1);
  });

  test('aborted work that waits never starts and gives up its place', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 1 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    const controller = new AbortController();
    let started = false;
    const waiting = queue.run(
      async () => {
        started = true;
      },
      { signal: controller.signal },
    );
    controller.abort(new Error('removed'));
    await expect(waiting).rejects.toThrow('removed');
    expect(queue.waiting).toBe(0);
    open();
    await first;
    expect(started).toBe(false);
  });

  test('closing waits for what runs and refuses what comes', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 5 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    const closed = queue.close();
    await expect(queue.run(wait)).rejects.toMatchObject({ code: 'busy' });
    open();
    await Promise.all([first, closed]);
  });

  test('work that was given up keeps its slot until it has ended; its caller hears at once', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 5 });
    const { open, wait } = gate();
    const controller = new AbortController();
    const reason = new Error('the message was deleted');
    const givenUp = queue.run(wait, { signal: controller.signal });
    let nextStarted = false;
    const next = queue.run(async () => {
      nextStarted = true;
    });
    await new Promise((done) => setTimeout(done, 5));
    controller.abort(reason);
    await expect(givenUp).rejects.toBe(reason);
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await new Promise((done) => setTimeout(done, 20));
    expect({ nextStarted, closed }).toEqual({ nextStarted: false, closed: false });
    open();
    await Promise.all([next, closing]);
    expect({ nextStarted, closed }).toEqual({ nextStarted: true, closed: true });
  });

  test('what the work holds keeps the slot beyond the work', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 5 });
    const decoder = gate();
    const failed = queue.run(async (hold) => {
      hold(decoder.wait());
      throw new Error('too slow');
    });
    await expect(failed).rejects.toThrow('too slow');
    const next = queue.run(async () => 'next');
    await new Promise((done) => setTimeout(done, 20));
    expect(queue.waiting).toBe(1);
    decoder.open();
    await expect(next).resolves.toBe('next');
  });
});
