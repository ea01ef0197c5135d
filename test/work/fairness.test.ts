import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { RedisJobQueue } from '../../src/work/redis-queue.ts';
import { RedisWorker } from '../../src/work/redis-worker.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/** A queue that does one job at a time, in memory or in Redis. */
interface OneByOne {
  /** Somebody asks, e.g. 'channel person'. Resolves once it waits. */
  ask(who: string): Promise<void>;
  /** Has so many more done; the next one has been chosen by then. @returns whose turn it was, from the first one on */
  serve(count: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Lets the given number of jobs run, and records whose turn it was. */
function gate() {
  const order: string[] = [];
  const waiting: (() => void)[] = [];
  let allowed = 0;
  let done = 0;
  return {
    pass: async (who: string) => {
      order.push(who);
      if (allowed > 0) allowed -= 1;
      else await new Promise<void>((go) => waiting.push(go));
      done += 1;
    },
    serve: async (count: number) => {
      const all = done + count;
      for (let k = 0; k < count; k++) {
        const go = waiting.shift();
        if (go) go();
        else allowed += 1;
      }
      await until(() => done === all, `${count} more`);
      return order.slice(0, all);
    },
    order,
  };
}

function inProcess(): OneByOne {
  const queue = new FairQueue({ concurrency: 1, maxWaiting: 500 });
  const { pass, serve, order } = gate();
  let open!: () => void;
  // Waits until everybody who asks before the first job is done has asked.
  void queue.run(() => new Promise<void>((go) => (open = go)), { channel: 'first', person: 'first' });
  return {
    ask: async (who) => {
      const [channel, person] = who.split(' ');
      void queue.run(() => pass(who), { channel: channel!, person: person! }).catch(() => {});
    },
    serve: async (count) => {
      open();
      const served = await serve(count);
      const left = queue.waiting + queue.running;
      await until(() => left === 0 || order.length > served.length, 'the next one being chosen');
      return served;
    },
    close: async () => open(),
  };
}

/** Pairs of a member and its score, as Redis lists them. */
function withScores(list: readonly string[]): [string, number][] {
  return Array.from({ length: list.length / 2 }, (_, k) => [list[2 * k]!, Number(list[2 * k + 1])]);
}

async function inRedis(url: string): Promise<OneByOne> {
  const log = createLogger({ level: 'silent' });
  const bot = 'discord 100';
  const queue = await RedisJobQueue.connect(url, log, { maxWaiting: 500 });
  const client = new Redis(url);
  const allGiven: AbortController[] = [];
  const { pass, serve, order } = gate();
  let asked = 0;
  let worker: RedisWorker | undefined;
  const people = new Map<string, string>();
  return {
    ask: async (who) => {
      asked += 1;
      const message = String(asked);
      const given = new AbortController();
      allGiven.push(given);
      const [channel, person] = who.split(' ');
      people.set(message, who);
      const job = { bot, place: channel!, message, kind: 'posted', files: [], begun: 1 } as const;
      queue.run(job, { channel: channel!, person: person!, signal: given.signal }).catch(() => {});
      const done = order.length;
      const line = 'emotion-bot:photos-discord-100';
      while ((await client.zcard(`${line}:prioritized`)) + done < asked) await delay(2);
      // Those whose turn it took are moved after it was put in. The library keeps a priority in the upper bits of a score.
      const scores = async (key: string) => new Map(withScores(await client.zrange(key, '0', '-1', 'WITHSCORES')));
      for (;;) {
        const turns = await scores(`${line}:turn:${channel}:waiting`);
        const put = await scores(`${line}:prioritized`);
        if ([...put].every(([id, score]) => !turns.has(id) || Math.floor(score / 2 ** 32) === turns.get(id))) break;
        await delay(2);
      }
    },
    serve: async (count) => {
      if (worker === undefined) {
        worker = await RedisWorker.start(url, log, { concurrency: 1, onRemoval: () => {} });
        await worker.take(bot, async ({ message }) => await pass(people.get(message)!));
      }
      const served = await serve(count);
      await until(() => served.length === asked || order.length > served.length, 'the next one being chosen');
      return served;
    },
    close: async () => {
      for (const given of allGiven) given.abort(new Error('the test is over'));
      void serve(asked).catch(() => {});
      await worker?.close();
      await queue.close();
      client.disconnect();
    },
  };
}

describe.each([
  ['in one process', inProcess],
  ['in Redis', inRedis],
] as const)('turns %s', (name, open) => {
  const skips = name === 'in Redis' && !HAS_REDIS;
  let redis: TestRedis | undefined;
  let queue: OneByOne;

  beforeAll(async () => {
    if (skips || name !== 'in Redis') return;
    redis = await startRedis();
    return () => redis!.stop();
  });

  beforeEach(async () => {
    await redis?.empty();
    if (!skips) queue = await open(redis?.url ?? '');
  });

  afterEach(async () => {
    if (!skips) await queue.close();
  });

  /** Asks, one after the other, then has all of it done, and compares with groups within which the order does not matter. */
  async function expectGroups(asked: readonly string[], ...groups: readonly (readonly string[])[]): Promise<void> {
    for (const who of asked) await queue.ask(who);
    const order = [...(await queue.serve(asked.length))];
    expect(groups.map((group) => order.splice(0, group.length).sort())).toEqual(
      groups.map((group) => [...group].sort()),
    );
  }

  test.skipIf(skips)('channels take turns, then the people in one', async () => {
    await expectGroups(
      ['a ada', 'a ada', 'a ada', 'a bob', 'b eve', 'b eve', 'b eve'],
      ['a ada', 'b eve'],
      ['a bob', 'b eve'],
      ['a ada', 'b eve'],
      ['a ada'],
    );
  });

  test.skipIf(skips)('whoever has asked for least comes before whoever has asked for more', async () => {
    await expectGroups(
      ['a ada', 'a ada', 'a ada', 'a ada', 'a bob', 'a bob', 'a eve'],
      ['a ada', 'a bob', 'a eve'],
      ['a ada', 'a bob'],
      ['a ada'],
      ['a ada'],
    );
  });

  test.skipIf(skips)(
    'somebody who asks later waits for one of those who have had their turns, not for all of theirs',
    async () => {
      for (let k = 0; k < 6; k++) await queue.ask('a ada');
      await queue.serve(2);
      for (const who of ['a bob', 'a bob', 'a eve']) await queue.ask(who);
      const order = await queue.serve(7);
      // Her third was chosen before they asked.
      expect(order.slice(0, 3)).toEqual(['a ada', 'a ada', 'a ada']);
      expect(order.slice(3, 5).sort()).toEqual(['a bob', 'a eve']);
      expect(order.slice(5, 7).sort()).toEqual(['a ada', 'a bob']);
      expect(order.slice(7)).toEqual(['a ada', 'a ada']);
    },
  );

  test.skipIf(skips)(
    'one photo in a quiet channel, and one of somebody new in a busy one, are among the first of sixty',
    async () => {
      for (let k = 0; k < 60; k++) await queue.ask(`busy${k % 5} p${k % 15}`);
      await queue.ask('quiet bob');
      await queue.ask('busy0 eve');
      const order = await queue.serve(62);
      expect(order.indexOf('quiet bob')).toBeLessThan(6);
      // Three people post in each of the busy ones.
      expect(order.indexOf('busy0 eve')).toBeLessThan(4 * 5 + 1);
    },
  );
});
