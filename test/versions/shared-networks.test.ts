import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import type { VersionRegistry } from '../../src/versions/registry.ts';
import { SharedNetworks } from '../../src/versions/shared-networks.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';
import { plainCard, registryWith, saveUntrained } from '../helpers/retraining.ts';
import { until } from '../helpers/until.ts';

const jobs = async (registry: VersionRegistry) =>
  (await registry.list()).map(({ version, job }) => `${version} ${job}`);

describe.skipIf(!HAS_REDIS)('networks of machines that share a Redis', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
    return () => redis.stop();
  });

  // Before, not after: machines of an earlier test look until they are closed.
  beforeEach(() => redis.empty());

  /** A machine with so many trained networks of its own, in step with the others; it looks when it is told to. */
  async function machine(trained: number, { looks = false, name = 'one' } = {}) {
    const { directory, registry } = await registryWith(0);
    for (let v = 1; v <= trained; v++)
      await registry.store(plainCard(`${name}-${v}`), async (aside) => {
        await saveUntrained(aside, v);
        await writeFile(join(aside, 'notes.txt'), `of ${name}`);
      });
    const log = createLogger({ level: 'silent' });
    const error = vi.spyOn(log, 'error');
    const start = async () => {
      const networks = await SharedNetworks.start(redis.url, directory, log, { lookEveryMs: looks ? 20 : 1_000_000 });
      onTestFinished(() => networks.close());
      return networks;
    };
    return { directory, registry, networks: await start(), start, error };
  }

  test('a promotion, a rollback and a version cleared away on one machine reach the others by themselves', async () => {
    const one = await machine(2, { looks: true });
    const other = await machine(0, { looks: true });
    expect(await jobs(other.registry)).toEqual(['1 one-1', '2 one-2']);
    await one.registry.promote(2);
    await until(async () => (await other.registry.inUse()).version === 2, 'the promotion');
    expect(await other.registry.inUse()).toEqual({ version: 2, before: 0 });
    // The very files, and whole: they are loaded as its card says.
    const there = await other.registry.load(2);
    expect(there.sha256).toBe((await one.registry.load(2)).sha256);
    expect(await readdir(other.registry.directoryOf(2))).toContain('notes.txt');
    await other.registry.rollback();
    await until(async () => (await one.registry.inUse()).version === 0, 'the rollback');
    await other.registry.rollback();
    await until(async () => (await one.registry.inUse()).version === 2, 'the second one');
    for (const v of [3, 4]) await one.registry.store(plainCard(`one-${v}`), (aside) => saveUntrained(aside, v));
    await until(async () => (await jobs(other.registry)).length === 4, 'what was trained');
    await one.registry.prune(2);
    await until(async () => (await jobs(other.registry)).join() === '2 one-2,4 one-4', 'what was cleared away');
    const client = new Redis(redis.url);
    const kept = await client.keys('emotion-bot:network:*');
    client.disconnect();
    expect(kept.sort()).toEqual(['emotion-bot:network:one-2', 'emotion-bot:network:one-4']);
    expect([one.error.mock.calls, other.error.mock.calls]).toEqual([[], []]);
  });

  test('machines without trained networks write nothing', async () => {
    const { directory } = await machine(0);
    expect(await readdir(directory)).not.toContain('versions');
  });

  test('one that joins keeps its networks, under numbers of their own, and reads with what the others do', async () => {
    const one = await machine(2);
    await one.registry.promote(1);
    await one.networks.look();
    const other = await machine(0, { name: 'other' });
    await other.networks.close();
    await redis.empty();
    // As before it knew of any Redis.
    await rm(join(other.directory, 'versions'), { recursive: true });
    for (const v of [1, 2]) await other.registry.store(plainCard(`other-${v}`), (aside) => saveUntrained(aside, 5 + v));
    await other.registry.promote(2);
    await one.networks.look();
    await other.start();
    expect(await jobs(other.registry)).toEqual(['1 one-1', '2 one-2', '3 other-1', '4 other-2']);
    expect(await other.registry.inUse()).toEqual({ version: 1, before: 0 });
    await other.registry.load(4);
    await one.networks.look();
    expect(await jobs(one.registry)).toEqual(await jobs(other.registry));
  });

  test('a machine that ended while it gave a network another number has that network only once afterwards', async () => {
    const one = await machine(1);
    const other = await machine(0, { name: 'other' });
    await other.networks.close();
    await rm(join(other.directory, 'versions'), { recursive: true });
    await other.registry.store(plainCard('other-1'), (aside) => saveUntrained(aside, 6));
    await other.registry.promote(1);
    // It ended when the copy was there under the next number, before the first was removed.
    await other.registry.store(plainCard('other-1'), (aside) => saveUntrained(aside, 6));
    await other.start();
    await one.networks.look();
    for (const { registry } of [one, other]) {
      expect(await jobs(registry)).toEqual(['1 one-1', '2 other-1']);
      await registry.load(2);
    }
  });

  test('a Redis that has lost everything, or its latest changes, gets them again, and no version is removed', async () => {
    const one = await machine(1);
    const other = await machine(0);
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const earlier = await client.get('emotion-bot:networks');
    await one.registry.store(plainCard('one-2'), (aside) => saveUntrained(aside, 2));
    await one.registry.promote(2);
    await one.networks.look();
    await client.set('emotion-bot:networks', earlier!);
    await client.del('emotion-bot:network:one-2');
    await one.networks.look();
    await other.networks.look();
    expect(await other.registry.inUse()).toEqual({ version: 2, before: 0 });
    await redis.empty();
    await other.networks.look();
    await one.networks.look();
    expect(await one.registry.inUse()).toEqual({ version: 2, before: 0 });
    expect(await jobs(one.registry)).toEqual(['1 one-1', '2 one-2']);
    const third = await machine(0);
    expect(await jobs(third.registry)).toEqual(['1 one-1', '2 one-2']);
    expect((await third.registry.inUse()).version).toBe(2);
  });

  test('a version whose card the disk has damaged does not count as removed: it is fetched again', async () => {
    const one = await machine(2);
    const other = await machine(0);
    await writeFile(join(other.registry.directoryOf(2), 'card.json'), '{"ver');
    await other.registry.promote(1);
    await other.networks.look();
    await one.networks.look();
    expect(await one.registry.inUse()).toEqual({ version: 1, before: 0 });
    expect(await jobs(one.registry)).toEqual(['1 one-1', '2 one-2']);
    expect(await jobs(other.registry)).toEqual(['1 one-1', '2 one-2']);
    await other.registry.load(2);
  });

  test('a version in use that the disk has damaged is fetched again at the next start', async () => {
    const one = await machine(1);
    await one.registry.promote(1);
    await one.networks.look();
    const other = await machine(0);
    await other.networks.close();
    await truncate(join(other.registry.directoryOf(1), 'weights.bin'), 100);
    await expect(other.registry.load(1)).rejects.toMatchObject({ code: 'bad-model' });
    await other.start();
    await other.registry.load(1);
    expect(await other.registry.inUse()).toEqual({ version: 1, before: 0 });
    // A version that Redis does not have either stays as it is.
    await other.networks.close();
    const client = new Redis(redis.url);
    await client.del('emotion-bot:network:one-1');
    client.disconnect();
    await truncate(join(other.registry.directoryOf(1), 'weights.bin'), 100);
    await other.start();
    expect(await jobs(other.registry)).toEqual(['1 one-1']);
  });

  test('a damaged version is not shared, is logged once, and does not stop the others from being shared', async () => {
    const one = await machine(0);
    const other = await machine(0);
    for (const v of [1, 2]) await one.registry.store(plainCard(`one-${v}`), (aside) => saveUntrained(aside, v));
    await truncate(join(one.registry.directoryOf(1), 'weights.bin'), 100);
    await one.registry.promote(2);
    await one.networks.look();
    expect(one.error).toHaveBeenCalledWith({ version: 1, name: 'weights.bin' }, expect.stringContaining('is damaged'));
    await other.networks.look();
    await other.networks.look();
    expect(await jobs(other.registry)).toEqual(['2 one-2']);
    expect(await other.registry.inUse()).toEqual({ version: 2, before: 0 });
    expect(other.error).toHaveBeenCalledTimes(1);
    // Its own choices still count.
    await other.registry.promote(0);
    await other.networks.look();
    await one.networks.look();
    expect(await one.registry.inUse()).toEqual({ version: 0, before: 2 });
  });

  test('a version that is put in use on one machine while another clears it away is put in use on all', async () => {
    for (const clearsFirst of [true, false]) {
      await redis.empty();
      const one = await machine(3);
      const other = await machine(0);
      await one.registry.promote(3);
      await one.networks.look();
      await other.networks.look();
      // At the same moment, before either machine knows of the other's change.
      await one.registry.prune(2);
      await other.registry.promote(1);
      const [first, second] = clearsFirst ? [one, other] : [other, one];
      for (const { networks } of [first, second, first, second]) await networks.look();
      for (const { registry } of [one, other]) {
        expect.soft(await registry.inUse(), `${clearsFirst}`).toEqual({ version: 1, before: 3 });
        await registry.load(1);
      }
      expect(await jobs(one.registry)).toEqual(await jobs(other.registry));
    }
  });

  test('a machine whose note of the version in use is damaged or gone takes it from the others', async () => {
    const one = await machine(2);
    await one.registry.promote(2);
    await one.networks.look();
    const other = await machine(0);
    for (const text of ['', '{"ver']) {
      await writeFile(join(other.directory, 'versions', 'in-use.json'), text);
      await other.networks.look();
      await one.networks.look();
      for (const { registry } of [one, other]) expect(await registry.inUse()).toEqual({ version: 2, before: 0 });
    }
  });

  test('while Redis is away a machine goes on with what it has', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const { directory, registry } = await registryWith(1);
    const log = createLogger({ level: 'silent' });
    const networks = await SharedNetworks.start(own.url, directory, log, { lookEveryMs: 1_000_000 });
    const startAgain = await own.takeDown();
    await registry.promote(1);
    await networks.look();
    expect(await registry.inUse()).toEqual({ version: 1, before: 0 });
    await startAgain();
    await until(async () => {
      await networks.look();
      const client = new Redis(own.url);
      const text = await client.get('emotion-bot:networks');
      client.disconnect();
      return text?.includes('"version":1');
    }, 'Redis being told');
    await networks.close();
  });
});
