import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { resultNotice } from '../../src/retraining/result-notice.ts';
import { retrain } from '../../src/retraining/retrain.ts';
import type { VersionRegistry } from '../../src/versions/registry.ts';
import { plainCard, registryWith, saveUntrained, tinyTraining } from '../helpers/retraining.ts';

/** A registry with version 1, trained by somebody before, and version 2 of the training 'mine', judged better than version 0. */
async function judged() {
  const { registry } = await registryWith(1);
  const card = plainCard('mine');
  const worse = { ...card.publicTest, accuracy: 0.4 };
  const against = { version: 0, publicTest: worse, privateTest: worse };
  await registry.store({ ...card, against }, async (aside) => {
    await saveUntrained(aside, 2);
    await mkdir(join(aside, 'reports'));
    for (const name of ['curves', 'confusion']) await writeFile(join(aside, 'reports', `tiny-${name}.png`), name);
  });
  return registry;
}

/** What is left to do for the training 'mine' once its version is stored. */
async function goOn(registry: VersionRegistry, signal = new AbortController().signal) {
  const { plan } = tinyTraining();
  const job = { id: 'mine', platform: 'test', channel: 'c1', by: 'U1', clean: false, margin: 0, plan };
  const unused = { data: 'unused', run: 'unused', engine: 'onnx', memoryBytes: 2 ** 40 } as const;
  return await retrain({ ...unused, job, registry, keepVersions: 5, signal, onChange: () => {} });
}

test('a better network takes the place of the one that it was compared with', async () => {
  const registry = await judged();
  expect(await goOn(registry)).toEqual({ version: 2, promoted: true });
  expect(await registry.inUse()).toEqual({ version: 2, before: 0 });
  // As after a crash in between.
  expect(await goOn(registry)).toEqual({ version: 2, promoted: true });
  expect(await registry.inUse()).toEqual({ version: 2, before: 0 });
});

test('a version that an admin puts in use while a training is judged stays', async () => {
  const registry = await judged();
  await registry.promote(1);
  expect(await goOn(registry)).toEqual({ version: 2, promoted: false });
  expect(await registry.inUse()).toEqual({ version: 1, before: 0 });
  const [, card] = await registry.list();
  const { text } = await resultNotice(card!, { promoted: false, margin: 0 }, registry.directoryOf(2));
  expect(text).toContain(
    'is trained, but somebody chose which network is in use after it was compared: the network in use stays.',
  );
});

test('a rollback is not undone where the training continues after a crash', async () => {
  const registry = await judged();
  await goOn(registry);
  await registry.rollback();
  expect(await goOn(registry)).toEqual({ version: 2, promoted: false });
  expect(await registry.inUse()).toEqual({ version: 0, before: 2 });
});

test('an admin who puts the new version in use at the same moment does not make the training fail', async () => {
  const registry = await judged();
  const [, result] = await Promise.allSettled([registry.promote(2), goOn(registry)]);
  expect(result).toMatchObject({ value: { version: 2, promoted: true } });
  expect(await registry.inUse()).toEqual({ version: 2, before: 0 });
});

test('a training that is cancelled while its version is written does not put it in use, unless it is resumed', async () => {
  const registry = await judged();
  expect(await goOn(registry, AbortSignal.abort())).toBeUndefined();
  expect(await registry.inUse()).toEqual({ version: 0 });
  await goOn(registry);
  // Too late: what is in use already is not reported as cancelled.
  expect(await goOn(registry, AbortSignal.abort())).toEqual({ version: 2, promoted: true });
});

test('a training whose version is in use has not failed where older versions cannot be cleared away', async () => {
  const registry = await judged();
  const complaints = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => complaints.mockRestore());
  vi.spyOn(registry, 'prune').mockRejectedValue(new Error('EBUSY'));
  expect(await goOn(registry)).toEqual({ version: 2, promoted: true });
  expect(String(complaints.mock.calls)).toContain('EBUSY');
});
