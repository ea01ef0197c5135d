import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/log.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { type Classifier, loadClassifier } from '../../src/emotion/classifier.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { saveModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { LiveClassifier } from '../../src/versions/live-classifier.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { registryWith, saveUntrained } from '../helpers/retraining.ts';
import { drawTinyFace, temporaryFolder } from '../helpers/tiny-fer2013.ts';

const log = createLogger({ level: 'silent' });
const faces = EMOTIONS.map((_, label) => drawTinyFace(label, label));

test('the main thread is free while a network loads and reads', { timeout: 120_000 }, async () => {
  const directory = await temporaryFolder();
  const network = unroll(ARCHITECTURES.get('compact')!);
  await saveModel(directory, { network, weights: initialWeights(network, 1) });
  const many = Array.from({ length: 12 }, () => faces).flat();
  /** Milliseconds that this thread is busy with opening a classifier and reading many faces. */
  const busyWith = async (open: () => Promise<Classifier>) => {
    const before = performance.eventLoopUtilization();
    const classifier = await open();
    expect(await classifier.classify(many)).toHaveLength(many.length);
    await classifier.dispose();
    return performance.eventLoopUtilization(before).active;
  };
  const here = await busyWith(() => loadClassifier(directory, { threads: 1 }));
  const apart = await busyWith(() => LiveClassifier.open(new VersionRegistry(directory), log, { threads: 1 }));
  expect(apart).toBeLessThan(here / 2);
});

test('reads as a classifier on this thread does, and refuses crops of another size', { timeout: 60_000 }, async () => {
  const { directory, registry } = await registryWith(0);
  const live = await LiveClassifier.open(registry, log, { threads: 1 });
  const here = await loadClassifier(directory, { threads: 1 });
  onTestFinished(async () => {
    await Promise.all([live.dispose(), here.dispose()]);
  });
  // Loaded once: what becomes of the files later does not matter.
  await truncate(join(directory, 'weights.bin'), 10);
  expect(await live.classify(faces)).toEqual(await here.classify(faces));
  expect(await live.classify([])).toEqual([]);
  await expect(live.classify([new Uint8Array(5)])).rejects.toThrow('crop 0 has 5 bytes');
});

test('a reading that is given up is waited for no longer, so that a thread which hangs in it can be replaced', async () => {
  const { registry } = await registryWith(0);
  const live = await LiveClassifier.open(registry, log, { threads: 1 });
  onTestFinished(() => live.dispose());
  const given = new AbortController();
  const reading = live.classify(faces, given.signal);
  given.abort(new Error('too slow'));
  await expect(reading).rejects.toThrow('too slow');
  expect(await live.classify(faces)).toHaveLength(faces.length);
});

test('promote and rollback while faces are being read: every call is answered, by a network that was in use', {
  timeout: 120_000,
}, async () => {
  const { directory, registry } = await registryWith(2);
  await saveUntrained(join(directory, 'fer2013'), 200);
  const live = await LiveClassifier.open(registry, log, { threads: 1, lookEveryMs: 20 });
  // Another process's view, which only looks at the file.
  const other = await LiveClassifier.open(new VersionRegistry(directory), log, { threads: 1, lookEveryMs: 20 });
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
    () => registry.promote('fer2013'),
    () => registry.rollback(),
    () => registry.promote(0),
  ];
  for (const step of steps) {
    await step();
    const { version } = await registry.inUse();
    await expect.poll(() => live.installed.version, { timeout: 20_000 }).toBe(version);
    await expect.poll(() => other.installed.version, { timeout: 20_000 }).toBe(version);
    await live.classify(faces);
  }
  stop = true;
  for (const answers of await Promise.all(reading)) expect(answers).toBeGreaterThan(0);
  expect(seen.size).toBe(4);
});

test('a version in use that is damaged gives way to the one before at the start', async () => {
  const { directory, registry } = await registryWith(2);
  await registry.promote(1);
  await registry.promote(2);
  await truncate(join(directory, 'versions', '2', 'model.json'), 50);
  const live = await LiveClassifier.open(registry, log);
  expect(live.installed.version).toBe(1);
  await live.dispose();
});

test('where neither it nor the one before nor the shipped one can be loaded, the newest of the others is taken, once', async () => {
  const { directory, registry } = await registryWith(3);
  await registry.promote(3);
  await truncate(join(directory, 'versions', '3', 'model.json'), 50);
  await truncate(join(directory, 'model.json'), 50);
  const complain = vi.spyOn(log, 'error');
  const live = await LiveClassifier.open(registry, log, { lookEveryMs: 60_000 });
  onTestFinished(() => live.dispose());
  expect(live.installed.version).toBe(2);
  const said = complain.mock.calls.length;
  await live.refresh();
  expect(complain.mock.calls.length, 'it is not tried again').toBe(said);
});

test('a version in use that cannot be loaded leaves the old one reading', { timeout: 60_000 }, async () => {
  const { directory, registry } = await registryWith(1);
  await registry.promote(1);
  const live = await LiveClassifier.open(registry, log, { threads: 1, lookEveryMs: 60_000 });
  onTestFinished(() => live.dispose());
  const before = await live.classify(faces);
  const complain = vi.spyOn(log, 'error');
  const useMissing = () => writeFile(join(directory, 'versions', 'in-use.json'), '{"version":9,"before":1}');
  await useMissing();
  await live.refresh();
  await live.refresh();
  expect(live.installed.version).toBe(1);
  expect(await live.classify(faces)).toEqual(before);
  expect(complain, 'it is not tried again and again').toHaveBeenCalledTimes(1);
  await registry.promote(0);
  await live.refresh();
  expect(live.installed.version).toBe(0);
  await useMissing();
  await live.refresh();
  expect(complain, 'it is tried again once it is chosen again').toHaveBeenCalledTimes(2);
});

test('a version that could not be loaded for a while is read with once it can be', { timeout: 60_000 }, async () => {
  const { directory, registry } = await registryWith(1);
  const file = join(directory, 'versions', '1', 'model.json');
  const whole = await readFile(file);
  await registry.promote(1);
  await truncate(file, 50);
  const live = await LiveClassifier.open(registry, log, { threads: 1, lookEveryMs: 60_000, againMs: 0 });
  onTestFinished(() => live.dispose());
  expect(live.installed).toEqual({ version: 0, refused: 1 });
  await live.refresh();
  expect(live.installed).toEqual({ version: 0, refused: 1 });
  await writeFile(file, whole);
  await live.refresh();
  expect(live.installed).toEqual({ version: 1 });
});

test('where no network can be loaded, opening fails and says why', { timeout: 60_000 }, async () => {
  const registry = new VersionRegistry(await temporaryFolder());
  const error = await LiveClassifier.open(registry, log).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ code: 'bad-model', message: expect.stringContaining('model.json is missing') });
});

test('TensorFlow reads on the thread too, or says how to install it', { timeout: 60_000 }, async () => {
  const { registry } = await registryWith(0);
  const opened = await LiveClassifier.open(registry, log, { engine: 'tensorflow' }).catch((reason: unknown) => reason);
  if (opened instanceof LiveClassifier) {
    expect(await opened.classify(faces)).toHaveLength(7);
    await opened.dispose();
    return;
  }
  expect(opened).toBeInstanceOf(UserError);
  expect(opened).toMatchObject({ code: 'bad-usage', message: expect.stringContaining('npm install') });
});
