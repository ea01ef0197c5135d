import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock, isLocked } from '../../src/base/lock.ts';
import { createLogger } from '../../src/base/log.ts';
import { processStart } from '../../src/base/process-identity.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { LiveClassifier } from '../../src/versions/live-classifier.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { plainCard, saveUntrained } from '../helpers/retraining.ts';
import { drawTinyFace, temporaryFolder } from '../helpers/tiny-fer2013.ts';

const log = createLogger({ level: 'silent' });

/** A registry with a shipped network and so many trained ones. */
async function registryWith(versions: number) {
  const directory = await temporaryFolder();
  await saveUntrained(directory, 100);
  const registry = new VersionRegistry(directory);
  for (let v = 1; v <= versions; v++) await registry.store(plainCard(`job-${v}`), (aside) => saveUntrained(aside, v));
  return { directory, registry };
}

const numbers = async (registry: VersionRegistry) => (await registry.list()).map(({ version }) => version);

test('versions are promoted and rolled back; what is in use survives in a file', async () => {
  const { directory, registry } = await registryWith(2);
  expect(await registry.inUse()).toEqual({ version: 0 });
  await expect(registry.rollback()).rejects.toMatchObject({ code: 'not-found' });
  await registry.promote(2);
  await expect(registry.promote(2)).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(registry.promote(7)).rejects.toMatchObject({ code: 'not-found' });
  expect(await new VersionRegistry(directory).inUse()).toEqual({ version: 2, before: 0 });
  expect(await registry.rollback()).toBe(0);
  expect(await registry.rollback()).toBe(2);
  await writeFile(join(directory, 'versions', 'in-use.json'), '{"ver');
  expect(await registry.inUse()).toEqual({ version: 0 });
});

test('a half-written version is never listed nor loaded, a damaged one is refused, and a failed write leaves nothing', async () => {
  const { directory, registry } = await registryWith(2);
  const versions = join(directory, 'versions');
  await mkdir(join(versions, '11111111-1111-1111-1111-111111111111.tmp'));
  await mkdir(join(versions, '9'));
  expect(await numbers(registry)).toEqual([1, 2]);
  await truncate(join(versions, '2', 'weights.bin'), 100);
  await expect(registry.promote(2)).rejects.toMatchObject({ code: 'bad-model' });
  await expect(registry.promote(9)).rejects.toMatchObject({ code: 'not-found' });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  await expect(
    registry.store(plainCard('job-3'), async (aside) => {
      await writeFile(join(aside, 'weights.bin'), 'half');
      throw full;
    }),
  ).rejects.toBe(full);
  expect((await readdir(versions)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await registry.inUse()).toEqual({ version: 0 });
});

test('pruning keeps the newest, the one in use and the one before', async () => {
  const { registry } = await registryWith(6);
  await registry.promote(1);
  await registry.promote(2);
  await registry.prune(4);
  expect(await numbers(registry)).toEqual([1, 2, 5, 6]);
  expect(await registry.store(plainCard('next'), (aside) => saveUntrained(aside, 7))).toBe(7);
});

test('promote and rollback while faces are being read: every call is answered, by a network that was in use', {
  timeout: 120_000,
}, async () => {
  const { directory, registry } = await registryWith(2);
  const live = await LiveClassifier.open(registry, log, { threads: 1 }, 20);
  // Another process's view, which only looks at the file.
  const other = await LiveClassifier.open(new VersionRegistry(directory), log, { threads: 1 }, 20);
  onTestFinished(async () => {
    await Promise.all([live.dispose(), other.dispose()]);
  });
  const faces = EMOTIONS.map((_, label) => drawTinyFace(label, label));
  let stop = false;
  const seen = new Set<string>();
  const reading = Array.from({ length: 3 }, async () => {
    let answers = 0;
    while (!stop) {
      const readings = await live.classify(faces);
      expect(readings).toHaveLength(7);
      seen.add(readings[0]!.confidence.toFixed(6));
      answers++;
      // Room for the swap on a machine with few cores.
      await delay(20);
    }
    return answers;
  });
  const steps = [
    () => registry.promote(1),
    () => registry.promote(2),
    () => registry.rollback(),
    () => registry.promote(0),
  ];
  for (const step of steps) {
    await step();
    const { version } = await registry.inUse();
    await expect.poll(() => live.version, { timeout: 20_000 }).toBe(version);
    await expect.poll(() => other.version, { timeout: 20_000 }).toBe(version);
    await live.classify(faces);
  }
  stop = true;
  for (const answers of await Promise.all(reading)) expect(answers).toBeGreaterThan(0);
  expect(seen.size).toBe(3);
});

test('a version in use that is damaged gives way to the one before at the start', async () => {
  const { directory, registry } = await registryWith(2);
  await registry.promote(1);
  await registry.promote(2);
  await truncate(join(directory, 'versions', '2', 'model.json'), 50);
  const live = await LiveClassifier.open(registry, log);
  expect(live.version).toBe(1);
  await live.dispose();
});

test('a lock is one process, is taken over from a dead one by one of many, and tells a reused number apart', async () => {
  const directory = await temporaryFolder();
  const first = await acquireLock(directory, 'one');
  expect(await acquireLock(directory, 'one')).toBeUndefined();
  await first!.release();
  expect(await isLocked(directory, 'one')).toBe(false);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const owner = (pid: number, started: string) => JSON.stringify({ pid, started, released: false });
  await writeFile(join(directory, 'one.2.lock'), owner(dead.pid!, 'then'));
  const takers = await Promise.all(Array.from({ length: 8 }, () => acquireLock(directory, 'one')));
  const got = takers.filter((lock) => lock !== undefined);
  expect(got).toHaveLength(1);
  await got[0]!.release();
  // This process's number, but not its start: the owner was another process.
  await writeFile(join(directory, 'one.9.lock'), owner(process.pid, 'another time'));
  expect(await isLocked(directory, 'one')).toBe(false);
  await writeFile(join(directory, 'one.9.lock'), owner(process.pid, (await processStart(process.pid))!));
  expect(await isLocked(directory, 'one')).toBe(true);
  await writeFile(join(directory, 'one.9.lock'), 'half');
  expect(await acquireLock(directory, 'one')).toBeDefined();
});
