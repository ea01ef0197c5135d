import { expect, test } from 'vitest';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { until } from '../helpers/until.ts';

test('cancelled from another process, then resumed; two admins; a result better by less than the margin stays out', {
  timeout: 300_000,
}, async () => {
  const site = await makeSite();
  const { retraining, files, registry } = openSite(site);
  const other = openSite(site).retraining;
  const board = noticeBoard();
  await retraining.begin(async () => board);
  const starts = await Promise.allSettled([
    retraining.start(tinyTraining(60, { margin: 1 })),
    other.start(tinyTraining(60, { margin: 1, by: 'Grace' })),
  ]);
  expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const loser = starts.find((start) => start.status === 'rejected')!;
  expect((loser as PromiseRejectedResult).reason).toMatchObject({ code: 'busy', message: /under way already/ });
  const [winner, watcher] = starts[0]!.status === 'fulfilled' ? [retraining, other] : [other, retraining];
  const epochs = async () => (await winner.status())!.status.progress?.history.length ?? 0;
  await until(async () => (await epochs()) >= 2, 'the second epoch', 120_000);
  await watcher.cancel();
  await winner.idle();
  const cancelled = (await watcher.status())!.status;
  expect(cancelled.state).toBe('cancelled');
  expect(cancelled.progress!.history.length).toBeLessThan(60);
  await expect(winner.cancel()).rejects.toMatchObject({ code: 'not-found' });
  await watcher.resume();
  await watcher.idle();
  const { status, job } = (await watcher.status())!;
  expect(status.result).toEqual({ version: 1, promoted: false });
  expect(status.progress!.history[0]).toEqual(cancelled.progress!.history[0]);
  expect(await registry.inUse()).toEqual({ version: 0 });
  expect(await files.isTold(job.id)).toBe(true);
  await expect(watcher.resume()).rejects.toMatchObject({ code: 'bad-usage' });
});

test('a child that dies again and again without an epoch is given up in words', { timeout: 300_000 }, async () => {
  const { retraining } = openSite(await makeSite());
  await retraining.start(tinyTraining());
  const killed = new Set<number>();
  await until(
    async () => {
      const { state, pid } = (await retraining.status())!.status;
      if (state === 'running' && pid !== undefined && !killed.has(pid)) {
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      return state !== 'running';
    },
    'the end',
    100_000,
  );
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /5 times \(SIGKILL\)/ });
  expect(killed.size).toBe(5);
});
