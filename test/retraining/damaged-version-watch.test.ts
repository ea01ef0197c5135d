import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { DamagedVersionWatch } from '../../src/retraining/damaged-version-watch.ts';
import { RetrainingFiles } from '../../src/retraining/files.ts';
import type { NoticeBoard } from '../../src/retraining/notice-boards.ts';
import { LiveClassifier } from '../../src/versions/live-classifier.ts';
import { noticeBoard, registryWith, tinyTraining } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

const log = createLogger({ level: 'silent' });
const HERE = () => true;

/** A machine whose last training's result was posted in a channel, with a network that reads photos. */
async function machine() {
  const { directory, registry } = await registryWith(2);
  const files = new RetrainingFiles(await temporaryFolder());
  const { plan: _, name: __, ...rest } = tinyTraining();
  const live = await LiveClassifier.open(registry, log, { threads: 1, lookEveryMs: 1_000_000 });
  onTestFinished(() => live.dispose());
  return {
    files,
    registry,
    /** As if it had been trained here. */
    remember: () => files.writeJob({ ...rest, id: 'last', plan: {} }),
    damage: (version: number) => truncate(join(directory, 'versions', String(version), 'weights.bin'), 100),
    watch: async (board: NoticeBoard, serves = HERE) => {
      const options = { files, registry, log, reading: async () => live.installed, refresh: () => live.refresh() };
      const watch = new DamagedVersionWatch({ ...options, lookEveryMs: 20 });
      onTestFinished(() => watch.stop());
      await watch.begin(async () => board, serves);
      return watch;
    },
  };
}

test('admins are told once, in the channel of the last training, that a version cannot be loaded and which one replaces it', async () => {
  const { files, registry, remember, damage, watch } = await machine();
  await remember();
  await registry.promote(1);
  await registry.promote(2);
  await damage(2);
  const board = noticeBoard();
  const elsewhere = noticeBoard();
  await watch(elsewhere, () => false);
  expect(await files.reportedDamage()).toBeUndefined();
  const first = await watch(board);
  const text =
    'Version 2 cannot be loaded, so I read photos with version 0. /retrain promote 0 keeps that one in use, or train another with /retrain start.';
  expect(board.notices.map((notice) => notice.text)).toEqual([text]);
  // Neither another process nor the next start says it again.
  await Promise.all([watch(board), watch(board)]);
  expect(board.notices).toHaveLength(1);
  await first.stop();
  // Once it is repaired and another is damaged, admins are told of that one.
  await registry.promote(1);
  await until(async () => (await files.reportedDamage()) === undefined, 'its being well again');
  await registry.promote(0);
  await until(async () => (await registry.inUse()).version === 0, 'it');
  await registry.promote(1);
  expect(board.notices).toHaveLength(1);
  expect(elsewhere.notices).toEqual([]);
});

test('a version that was just put in use is not reported as damaged before it has been tried', async () => {
  const { files, registry, remember } = await machine();
  await remember();
  const board = noticeBoard();
  // At each look another version is in use.
  const refresh = async () => await registry.promote((await registry.inUse()).version === 1 ? 0 : 1);
  const watch = new DamagedVersionWatch({ files, registry, log, refresh, reading: async () => ({ version: 0 }) });
  await refresh();
  await watch.begin(async () => board, HERE);
  await watch.stop();
  expect(board.notices).toEqual([]);
});

test('a notice that cannot be sent now is sent later; without a training there is no channel to send it to', async () => {
  const { files, registry, remember, damage, watch } = await machine();
  await registry.promote(1);
  await damage(1);
  let isAway = true;
  const posted = noticeBoard();
  const board: NoticeBoard = {
    post: async (notice) => {
      if (isAway) throw new Error('no network');
      return await posted.post(notice);
    },
  };
  await watch(board);
  expect(await files.reportedDamage()).toBeUndefined();
  await remember();
  await new Promise((done) => setTimeout(done, 60));
  expect(posted.notices).toEqual([]);
  isAway = false;
  await until(() => posted.notices.length > 0, 'the word');
  expect(posted.notices[0]!.text).toContain('Version 1 cannot be loaded');
});
