import { describe, expect, test, vi } from 'vitest';
import { FairQueue } from '../../src/work/queue.ts';

/** Work that ends when it is told to. */
function gate() {
  let open!: () => void;
  const opened = new Promise<void>((done) => {
    open = done;
  });
  return { open, wait: () => opened };
}

describe('FairQueue', () => {
  test('runs as many at a time as it may, in order', async () => {
    const queue = new FairQueue({ concurrency: 2, maxWaiting: 10 });
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
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 1 });
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
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
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
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 0 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    await expect(queue.run(wait)).rejects.toMatchObject({ code: 'busy' });
    open();
    await first;
  });

  test('keeps a slot free of one person’s work, however much they have', async () => {
    const queue = new FairQueue({ concurrency: 2, maxWaiting: 20 });
    const { open, wait } = gate();
    const adas = Array.from({ length: 10 }, () => queue.run(wait, { person: 'ada' }));
    await expect(queue.run(async () => 'read', { person: 'bob' })).resolves.toBe('read');
    expect(queue.waiting).toBe(9);
    open();
    await Promise.all(adas);
    expect(queue.waiting).toBe(0);
  });

  test('takes turns between people where all slots are taken', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 20 });
    const order: string[] = [];
    const work = (person: string) => queue.run(async () => void order.push(person), { person });
    await Promise.all(['ada', 'ada', 'ada', 'ada', 'bob', 'bob', 'eve'].map(work));
    expect(order).toEqual(['ada', 'bob', 'eve', 'ada', 'bob', 'ada', 'ada']);
  });

  test('counts work that waits for its person’s turn, and drops it when it is aborted', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 2 });
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

  test('runs one large piece of work at a time, whoever it is for, and others beside it', async () => {
    const queue = new FairQueue({ concurrency: 3, maxWaiting: 20 });
    const gates = [gate(), gate(), gate()];
    const begun: number[] = [];
    const large = gates.map(({ wait }, k) =>
      queue.run(
        () => {
          begun.push(k);
          return wait();
        },
        { person: `person ${k}`, large: true },
      ),
    );
    const small = ['ada', 'bob', 'eve'].map((person) => queue.run(async () => person, { person }));
    await expect(Promise.all(small)).resolves.toEqual(['ada', 'bob', 'eve']);
    expect(begun).toEqual([0]);
    for (const [k, { open }] of gates.entries()) {
      open();
      await large[k];
      await new Promise(setImmediate);
      expect(begun).toEqual([0, 1, 2].slice(0, k + 2));
    }
    expect(queue.running).toBe(0);
  });

  test('large work that fails, or that nobody waits for any more, lets the next one begin', async () => {
    const queue = new FairQueue({ concurrency: 2, maxWaiting: 20 });
    const { open, wait } = gate();
    const first = queue.run(wait, { large: true });
    const givenUp = new AbortController();
    const second = queue.run(async () => 'second', { large: true, signal: givenUp.signal });
    const third = queue.run(() => Promise.reject(new Error('broken')), { large: true });
    const fourth = queue.run(async () => 'fourth', { large: true });
    givenUp.abort(new Error('removed'));
    open();
    await first;
    await expect(second).rejects.toThrow('removed');
    await expect(third).rejects.toThrow('broken');
    await expect(fourth).resolves.toBe('fourth');
  });

  test('passes on what work throws and goes on', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 1 });
    await expect(queue.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(queue.run(async () => 1)).resolves.toBe(1);
  });

  test('aborted work that waits never starts and gives up its place', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 1 });
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
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    const closed = queue.close();
    await expect(queue.run(wait)).rejects.toMatchObject({ code: 'busy' });
    open();
    await Promise.all([first, closed]);
  });

  test('work that was given up keeps its slot until it has ended; its caller hears at once', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
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
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
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

  test('channels take turns: one photo of a quiet channel is among the first of two hundred in five busy ones', async () => {
    const queue = new FairQueue({ concurrency: 2, maxWaiting: 300 });
    const { open, wait } = gate();
    const order: string[] = [];
    const work = (channel: string) => async () => {
      await wait();
      order.push(channel);
    };
    const busy = Array.from({ length: 200 }, (_, k) =>
      queue.run(work(`busy ${k % 5}`), { channel: `busy ${k % 5}`, person: `person ${k}` }),
    );
    const quiet = queue.run(work('quiet'), { channel: 'quiet', person: 'bob' });
    open();
    await Promise.all([...busy, quiet]);
    // Behind the two that were under way, and at most one of each channel that had not had its turn.
    expect(order.indexOf('quiet')).toBeLessThanOrEqual(5);
    expect(new Set(order.slice(0, 6))).toEqual(new Set([0, 1, 2, 3, 4].map((k) => `busy ${k}`).concat('quiet')));
  });

  test('within a channel, people take turns', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 20 });
    const order: string[] = [];
    const work = ([channel, person]: readonly string[]) =>
      queue.run(async () => void order.push(`${channel} ${person}`), { channel: channel!, person: person! });
    const asked = ['a ada', 'a ada', 'a ada', 'a bob', 'b eve', 'b eve', 'b eve'].map((one) => one.split(' '));
    await Promise.all(asked.map(work));
    expect(order).toEqual(['a ada', 'b eve', 'a bob', 'b eve', 'a ada', 'b eve', 'a ada']);
  });

  describe('where it is full', () => {
    /** A queue of one slot that is taken, with so much waiting as is said: channel, person, how often. */
    function full(...waiting: readonly (readonly [string, string, number])[]) {
      const queue = new FairQueue({ concurrency: 1, maxWaiting: waiting.reduce((sum, [, , count]) => sum + count, 0) });
      const { open, wait } = gate();
      void queue.run(wait, { channel: 'taken', person: 'taken' });
      const refused: string[] = [];
      const add = (channel: string, person: string, name: string) => {
        queue.run(async () => {}, { channel, person }).catch(({ code }) => refused.push(`${name} ${code}`));
      };
      for (const [channel, person, count] of waiting) {
        for (let k = 1; k <= count; k++) add(channel, person, `${channel} ${person} ${k}`);
      }
      return { queue, open, add, refused };
    }

    test.each([
      ['the newest of the channel that has most makes way', ['a', 'ada', 3], ['b', 'bob', 1], 'c', 'eve', 'a ada 3'],
      ['what comes from the channel that has most is refused', ['a', 'ada', 3], ['b', 'bob', 1], 'a', 'ada', 'new'],
      ['as is what comes from one that would have as much', ['a', 'ada', 3], ['b', 'bob', 3], 'b', 'eve', 'b bob 3'],
      ['within a channel, whoever has most makes way', ['a', 'ada', 3], ['a', 'bob', 1], 'a', 'eve', 'a ada 3'],
      ['and nobody for one who has as much', ['a', 'ada', 2], ['b', 'bob', 1], 'b', 'bob', 'new'],
    ] as const)('%s', async (_, first, second, channel, person, expected) => {
      const { queue, open, add, refused } = full(first, second);
      add(channel, person, 'new');
      await new Promise((done) => setImmediate(done));
      expect(refused).toEqual([`${expected} busy`]);
      open();
      await queue.close();
      expect(refused).toHaveLength(1);
    });
  });

  test('says when to try again, by how long photos have taken and how many wait', async () => {
    const queue = new FairQueue({ concurrency: 2, maxWaiting: 3 });
    const reasons: string[] = [];
    const flood = async (ms: number) => {
      const all = Array.from({ length: 6 }, () => queue.run(() => new Promise((done) => setTimeout(done, ms))));
      for (const result of await Promise.allSettled(all))
        if (result.status === 'rejected') reasons.push(result.reason.message);
    };
    await flood(10);
    await flood(10);
    expect(reasons).toEqual([
      'There are more photos than I can read at the moment. Try again in a minute.',
      'There are more photos than I can read at the moment. Try again in 5 seconds.',
    ]);
  });

  test('what photos have taken is a mean in which the latest counts a fifth', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 0 });
    /** One piece of work takes so long; another that comes meanwhile is refused. */
    const refusal = async (milliseconds: number) => {
      const { open, wait } = gate();
      const first = queue.run(wait);
      const refused: unknown = await queue.run(wait).catch((error: unknown) => error);
      now.mockReturnValue(performance.now() + milliseconds);
      open();
      await first;
      return (refused as Error).message.split('Try again in ')[1];
    };
    expect(await refusal(0)).toBe('a minute.');
    expect(await refusal(100_000)).toBe('5 seconds.');
    expect(await refusal(0)).toBe('20 seconds.');
    expect(await refusal(0)).toBe('20 seconds.');
    now.mockRestore();
  });

  test('what is given up while it waits leaves its place to the next at once', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 1 });
    const { open, wait } = gate();
    const first = queue.run(wait);
    const controller = new AbortController();
    const removed = queue.run(wait, { signal: controller.signal, channel: 'c', person: 'ada' });
    controller.abort(new Error('the message was removed'));
    const next = queue.run(async () => 'read', { channel: 'd', person: 'bob' });
    await expect(removed).rejects.toThrow('removed');
    open();
    await expect(next).resolves.toBe('read');
    await first;
  });
});
