import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import type { Machines, Standing } from '../../src/retraining/machines.ts';
import { RedisMachines } from '../../src/retraining/redis-machines.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { until } from '../helpers/until.ts';

const LEASE_MS = 600;
const log = createLogger({ level: 'silent' });

describe.skipIf(!HAS_REDIS)('machines that share a Redis', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  afterEach(() => redis.empty());

  async function machine(): Promise<Machines> {
    const opened = await RedisMachines.connect(redis.url, log, { leaseMs: LEASE_MS });
    onTestFinished(() => opened.close());
    return opened;
  }

  const telling = (job: string, more: Partial<Standing> = {}) => ({
    standing: () => ({ job, architecture: 'tiny', ...more }),
    onCancel: vi.fn<() => void>(),
  });

  test('one trains at a time; a second gets the right once the first has given it back, or died', async () => {
    const [one, other] = [await machine(), await machine()];
    expect(await other.current()).toBeUndefined();
    const lease = (await one.claim('a', telling('a', { epoch: 3, epochs: 9 })))!;
    expect(await other.claim('b', telling('b'))).toBeUndefined();
    expect(await other.current()).toEqual({ job: 'a', architecture: 'tiny', epoch: 3, epochs: 9 });
    // It is renewed.
    await delay(2 * LEASE_MS);
    expect(await other.claim('b', telling('b'))).toBeUndefined();
    expect(lease.lost.aborted).toBe(false);
    await lease.release();
    expect(await other.current()).toBeUndefined();
    const next = await other.claim('b', telling('b'));
    expect(next).toBeDefined();
    // As a machine that dies.
    await other.close();
    expect(await one.claim('a', telling('a'))).toBeUndefined();
    const after = await until(
      () => one.claim('a', telling('a')),
      'the end of a lease that nobody renews',
      10 * LEASE_MS,
    );
    // Giving it back late does not take it from the machine that has it now.
    await next!.release();
    expect(await one.current()).toMatchObject({ job: 'a' });
    await after.release();
  });

  test('a training takes its right again by its id, as after a restart of its bot', async () => {
    const [before, after] = [await machine(), await machine()];
    await before.claim('a', telling('a'));
    await before.close();
    const lease = await after.claim('a', telling('a'));
    expect(lease).toBeDefined();
    await lease!.release();
  });

  test('another machine can cancel the training', async () => {
    const [one, other] = [await machine(), await machine()];
    expect(await other.cancel()).toBe(false);
    const told = telling('a');
    const lease = (await one.claim('a', told))!;
    expect(await other.cancel()).toBe(true);
    await until(() => told.onCancel.mock.calls.length > 0, 'the word');
    await delay(LEASE_MS);
    expect(told.onCancel).toHaveBeenCalledTimes(1);
    await lease.release();
    // The next one has nothing to do with it.
    const next = telling('a');
    await (await one.claim('a', next))!.release();
    expect(next.onCancel).not.toHaveBeenCalled();
  });

  test('the right is lost once another machine has it, or Redis has been away for as long as it lasts', async () => {
    const [one, other] = [await machine(), await machine()];
    const first = (await one.claim('a', telling('a')))!;
    await redis.empty();
    const second = (await other.claim('b', telling('b')))!;
    await until(() => first.lost.aborted, 'the loss to another');
    await first.release();
    expect(await one.current()).toMatchObject({ job: 'b' });
    const startAgain = await redis.takeDown();
    await until(() => second.lost.aborted, 'the loss without Redis', 10_000);
    await expect(one.claim('a', telling('a'))).rejects.toMatchObject({
      code: 'busy',
      message: /cannot look up at the moment/,
    });
    await startAgain();
  });

  test('with bots on two machines one trains; the other one says so, cancels it, and continues its own training once it may', {
    timeout: 120_000,
  }, async () => {
    const sites = [await makeSite(), await makeSite()];
    const [one, other] = await Promise.all(
      sites.map(async (site) => {
        const { retraining } = openSite(site, { machines: await machine(), adoptEveryMs: 100 });
        onTestFinished(() => retraining.stop(AbortSignal.timeout(10_000)));
        const board = noticeBoard();
        await retraining.begin(async () => board);
        return { retraining, board };
      }),
    );
    const standing = async () => (await other!.retraining.statusNotice())?.text ?? '';
    expect(await standing()).toBe('');
    await one!.retraining.start(tinyTraining(1000));
    await until(
      async () => /^Training tiny on another machine: epoch \d+ of 1000\./.test(await standing()),
      'its word',
    );
    await expect(other!.retraining.start(tinyTraining())).rejects.toMatchObject({
      code: 'busy',
      message: /^A training is under way already, on another machine \(epoch \d+ of 1000\)\./,
    });
    // Its lock is free again.
    await expect(other!.retraining.start(tinyTraining())).rejects.toMatchObject({ message: /on another machine/ });

    // Another one has the right after all, as when this machine was cut off for long.
    const client = new Redis(redis.url);
    await client.hset(
      'emotion-bot:retraining',
      'job',
      'c',
      'standing',
      JSON.stringify({ job: 'c', architecture: 'vgg9' }),
    );
    await client.persist('emotion-bot:retraining');
    await one!.retraining.idle();
    const waiting = (await one!.retraining.statusNotice())!.text;
    expect(waiting).toMatch(
      /^Training vgg9 on another machine: it gets ready.*\nThe one of this machine waits .*:\nTraining tiny/,
    );
    const { pid } = (await one!.retraining.status())!.status;
    await client.del('emotion-bot:retraining');
    client.disconnect();
    const again = async () => (await one!.retraining.status())!.status.pid !== pid;
    await until(again, 'the training going on by itself', 60_000);

    await until(async () => (await standing()).includes('epoch'), 'its word');
    await other!.retraining.cancel();
    await one!.retraining.idle();
    expect((await one!.retraining.status())!.status.state).toBe('cancelled');
    await expect(other!.retraining.cancel()).rejects.toMatchObject({ code: 'not-found' });
    await other!.retraining.start(tinyTraining(1));
    await other!.retraining.idle();
    expect((await other!.retraining.status())!.status.state).toBe('finished');
  });
});
