import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Notice } from '../../src/retraining/notice-boards.ts';
import { SPLITS } from '../../src/training/data/fer2013.ts';
import { makeSite, noticeBoard, openSite, plainCard, saveUntrained, tinyTraining } from '../helpers/retraining.ts';
import { tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

test('cancelled from another process, then resumed, but on no other data; two admins; a result better by less than the margin stays out', {
  timeout: 300_000,
}, async () => {
  const site = await makeSite();
  const { retraining, files, registry } = openSite(site);
  const other = openSite(site).retraining;
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await other.begin(async () => board);
  const starts = await Promise.allSettled([
    retraining.start(tinyTraining(20, { margin: 1 })),
    other.start(tinyTraining(20, { margin: 1, by: 'U2', name: 'Grace' })),
  ]);
  expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const loser = starts.find((start) => start.status === 'rejected')!;
  expect((loser as PromiseRejectedResult).reason).toMatchObject({ code: 'busy', message: /under way already/ });
  const [winner, watcher] = starts[0]!.status === 'fulfilled' ? [retraining, other] : [other, retraining];
  const epochs = async () => (await winner.status())!.status.progress?.history.length ?? 0;
  await until(async () => (await epochs()) >= 2, 'the second epoch', 60_000);
  await watcher.cancel();
  await winner.idle();
  const cancelled = (await watcher.status())!.status;
  expect(cancelled.state).toBe('cancelled');
  expect(cancelled.progress!.history.length).toBeLessThan(20);
  await expect(winner.cancel()).rejects.toMatchObject({ code: 'not-found' });

  await writeTinyFer2013(site.dataDirectory, tinyRows(3, SPLITS));
  await watcher.resume();
  await watcher.idle();
  expect((await watcher.status())!.status.state).toBe('failed');
  expect(board.notices.at(-1)!.text).toContain('The data is not what this training began with.');
  await writeTinyFer2013(site.dataDirectory, tinyRows(4, SPLITS));

  await watcher.resume();
  // The process that trained before hears of it too.
  expect((await winner.status())!.status.state).toBe('running');
  await watcher.idle();
  const { status, job } = (await watcher.status())!;
  expect(status.result).toEqual({ version: 1, promoted: false });
  expect(status.progress!.history[0]).toEqual(cancelled.progress!.history[0]);
  expect(await registry.inUse()).toEqual({ version: 0 });
  expect(await files.isEndReported(job.id)).toBe(true);
  expect(board.notices.at(-1)!.text).toContain(
    'is trained, but not 100.0 points better on PublicTest: the network in use stays.',
  );
  await expect(watcher.resume()).rejects.toMatchObject({ code: 'bad-usage' });
});

test('a child that dies again and again without an epoch is given up with a sentence that says why', {
  timeout: 120_000,
}, async () => {
  const child = new URL('../fakes/dead-child.ts', import.meta.url);
  const { retraining, log } = openSite(await makeSite(), { child });
  const warn = vi.spyOn(log, 'warn');
  await retraining.begin(async () => noticeBoard());
  await retraining.start(tinyTraining());
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /5 times \(SIGKILL\)/ });
  expect(warn).toHaveBeenCalledTimes(5);
});

test('a child that dies often, with an epoch in between each time, is started again until it ends; its end is told without pictures where those are refused, and by the next bot where nothing can be said', {
  timeout: 120_000,
}, async () => {
  const child = new URL('../fakes/dying-child.ts', import.meta.url);
  const site = await makeSite();
  const { retraining, log, files, registry } = openSite(site, { child, keepVersions: 2 });
  for (const job of ['a', 'b', 'c']) await registry.store(plainCard(job), (aside) => saveUntrained(aside, 5));
  const texts: string[] = [];
  const refusing = (refuses: (notice: Notice) => boolean) => async () => ({
    post: async (notice: Notice) => {
      if (refuses(notice)) throw new Error('Missing Permissions');
      texts.push(notice.text);
      return { update: async () => true };
    },
  });
  const warn = vi.spyOn(log, 'warn');
  await retraining.begin(refusing(({ text }) => text.startsWith('Version')));
  await retraining.start(tinyTraining(2));
  await retraining.idle();
  const killed = warn.mock.calls.filter(([what]) => (what as { ending?: string } | undefined)?.ending === 'SIGKILL');
  expect(killed).toHaveLength(6);
  const { job, status } = (await retraining.status())!;
  expect(status).toMatchObject({ state: 'finished', result: { version: 4 } });
  expect(texts.filter((text) => text.startsWith('Version'))).toEqual([]);
  expect(await files.isEndReported(job.id)).toBe(false);
  // Older ones are cleared away with every training.
  expect((await registry.list()).map(({ version }) => version)).toEqual([3, 4]);

  // The name of the person who started it is in this process's memory only, not on the disk.
  expect((await retraining.statusNotice())!.text).toContain('started by Ada');
  expect(await readFile(join(site.stateDirectory, 'retraining', 'job.json'), 'utf8')).not.toContain('Ada');
  const next = openSite(site).retraining;
  expect((await next.statusNotice())!.text).toContain('started by an admin');

  await next.begin(refusing(({ pictures = [] }) => pictures.length > 0));
  await next.idle();
  expect(texts.at(-1)).toMatch(/^Version 4 .*pictures could not be posted here; they lie in versions\/4\/reports/s);
  expect(await readdir(join(registry.directoryOf(4), 'reports'))).toContain('tiny-curves.png');
  expect(await files.isEndReported(job.id)).toBe(true);
});

test('an end that could not be told, since the chat was away just then, is told later by the same bot', async () => {
  const { retraining, files } = openSite(await makeSite(), { adoptEveryMs: 5 });
  const job = {
    id: 'j',
    platform: 'test',
    channel: 'c1',
    by: 'U1',
    clean: false,
    margin: 0,
    plan: tinyTraining().plan,
  };
  await files.writeJob(job);
  await files.writeStatus({ job: 'j', state: 'failed', phase: 'checking', findings: [], error: 'The data is gone.' });
  const board = noticeBoard();
  let tries = 0;
  await retraining.begin(async () => {
    tries += 1;
    if (tries === 1) throw new Error('the chat is away');
    return board;
  });
  await until(() => files.isEndReported('j'), 'the end', 5000);
  expect(board.notices.map(({ text }) => text)).toEqual([expect.stringContaining('The data is gone.')]);
  await retraining.stop(new AbortController().signal);
  expect(tries).toBe(2);
});
