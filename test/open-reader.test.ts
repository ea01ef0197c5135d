import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../src/base/log.ts';
import { loadConfig } from '../src/config.ts';
import { openReader } from '../src/open-reader.ts';
import { HAS_REDIS, startRedis } from './helpers/redis.ts';
import { registryWith } from './helpers/retraining.ts';
import { until } from './helpers/until.ts';

describe.skipIf(!HAS_REDIS)('readers on machines that share a Redis', () => {
  test('read with the version that another machine put in use, from the start on and once that changes', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const log = createLogger({ level: 'silent' });
    const reader = async ({ directory, registry }: Awaited<ReturnType<typeof registryWith>>) => {
      const environment = { REDIS_URL: redis.url, MODEL_DIR: directory, DETECTOR: 'network', THREADS: '1' };
      const opened = await openReader(loadConfig({ environment, directory }), registry, log);
      onTestFinished(() => opened.release());
      return opened;
    };
    const trainer = await registryWith(1);
    await trainer.registry.promote(1);
    const one = await reader(trainer);
    const other = await reader(await registryWith(0));
    expect([one.installed().version, other.installed().version]).toEqual([1, 1]);
    await trainer.registry.promote(0);
    await one.refresh();
    expect(one.installed().version).toBe(0);
    await until(() => other.installed().version === 0, 'the other machine');
  });
});
