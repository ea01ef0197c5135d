import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { newStatus, RetrainingFiles } from '../../src/retraining/files.ts';
import { reportEnd } from '../../src/retraining/telling.ts';
import {
  makeSite,
  noticeBoard,
  openSite,
  plainCard,
  registryWith,
  saveUntrained,
  tinyTraining,
} from '../helpers/retraining.ts';

const job = { id: 'j', platform: 'test', channel: 'c1', by: 'U1', clean: false, margin: 0, plan: tinyTraining().plan };

test('an end that was told is not told again by the same bot where the file that remembers this cannot be written', async () => {
  const site = await makeSite();
  const { retraining, files } = openSite(site, { adoptEveryMs: 5 });
  await files.writeJob(job);
  await files.writeStatus({ job: 'j', state: 'failed', phase: 'checking', findings: [], error: 'The data is gone.' });
  await mkdir(join(site.stateDirectory, 'retraining', 'told.json.tmp', 'in the way'), { recursive: true });
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await delay(500);
  await retraining.stop(new AbortController().signal);
  expect(board.notices).toHaveLength(1);
});

test('the result is that of the training also where its version has another number by then', async () => {
  const { registry } = await registryWith(0);
  for (const id of ['other', 'j'])
    await registry.store(plainCard(id), async (aside) => {
      await saveUntrained(aside, 1);
      await mkdir(join(aside, 'reports'));
      for (const name of ['curves', 'confusion']) await writeFile(join(aside, 'reports', `tiny-${name}.png`), name);
    });
  const { files, log } = openSite(await makeSite());
  const board = noticeBoard();
  // Another machine's version has the number 1, so that of this training was renumbered.
  const status = { ...newStatus('j'), state: 'finished', result: { version: 1, promoted: true } } as const;
  expect(await reportEnd(job, status, board, files, { log, registry, starter: 'Ada' })).toBe(true);
  expect(board.notices.map(({ text }) => text)).toEqual([expect.stringMatching(/^Version 2 \(tiny\) is trained/)]);
});

test('an end that another process tells at the same moment is told once', async () => {
  const { retraining, files } = openSite(await makeSite());
  await files.writeJob(job);
  await files.writeStatus({ ...newStatus('j'), state: 'failed', error: 'The data is gone.' });
  // The other process, which had the lock until now, has told it just after this one looked.
  const looking = vi.spyOn(RetrainingFiles.prototype, 'isEndReported').mockImplementationOnce(async () => {
    await files.markEndReported('j');
    return false;
  });
  onTestFinished(() => looking.mockRestore());
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.idle();
  expect(board.notices).toEqual([]);
  await retraining.stop(AbortSignal.timeout(5000));
});

test('a result whose pictures are missing is told without them', async () => {
  const { registry } = await registryWith(0);
  await registry.store(plainCard('j'), (aside) => saveUntrained(aside, 1));
  const { files, log } = openSite(await makeSite());
  const board = noticeBoard();
  const status = { ...newStatus('j'), state: 'finished', result: { version: 1, promoted: true } } as const;
  expect(await reportEnd(job, status, board, files, { log, registry, starter: 'Ada' })).toBe(true);
  expect(board.notices).toEqual([
    expect.objectContaining({ text: expect.stringMatching(/^Version 1 /), pictures: [] }),
  ]);
});

test('a training whose end was told, but could not be written before a restart, stands in nobody’s way', async () => {
  const { retraining, files } = openSite(await makeSite());
  await files.writeJob(job);
  await files.writeStatus({ ...newStatus('j'), phase: 'training' });
  await files.markEndReported('j');
  await retraining.begin(async () => noticeBoard());
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: expect.any(String) });
  await expect(retraining.cancel()).rejects.toMatchObject({ code: 'not-found' });
  const writing = vi.spyOn(RetrainingFiles.prototype, 'writeJob').mockRejectedValueOnce(new Error('it begins'));
  onTestFinished(() => writing.mockRestore());
  await expect(retraining.start(tinyTraining(1))).rejects.toThrow('it begins');
  await retraining.stop(AbortSignal.timeout(5000));
});
