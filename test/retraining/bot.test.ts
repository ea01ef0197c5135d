import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, rm } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { processStart } from '../../src/base/lock.ts';
import type { JobStatus, RetrainingFiles } from '../../src/retraining/files.ts';
import { loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { makeSite, noticeBoard, openSite, type Site, saveUntrained, tinyTraining } from '../helpers/retraining.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';
import { fillDisk, smallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';

const BOT = fileURLToPath(new URL('../helpers/retraining-bot.ts', import.meta.url));

function startBotProcess(site: Site, epochs: number, data?: string): ChildProcess {
  const settings = JSON.stringify({ site, epochs, data });
  const bot = spawn(process.execPath, [RUNS_SOURCE, BOT, settings], { stdio: 'ignore' });
  onTestFinished(() => {
    bot.kill('SIGKILL');
  });
  return bot;
}

/** Numbers of the processes that train at a site. */
function trainers({ stateDirectory }: Site): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const ours = lines.filter((line) => line.includes('src/retraining/child.js') && line.includes(stateDirectory));
  return ours.map((line) => Number.parseInt(line, 10));
}

async function untilPhase(files: RetrainingFiles, phase: JobStatus['phase']): Promise<JobStatus> {
  return await until(
    async () => {
      const job = await files.job();
      const status = job && (await files.status(job.id));
      return status?.phase === phase && status;
    },
    phase,
    60_000,
  );
}

test.each([
  ['before its training has said a word', async (site: Site) => void (await until(() => trainers(site).length > 0))],
  ['while the data is looked through', async (_, files) => void (await untilPhase(files, 'checking'))],
  ['while the network is judged', async (_, files) => void (await untilPhase(files, 'judging'))],
  [
    'while it trains, and its training with it',
    async (_, files) => {
      const { job, pid } = await untilPhase(files, 'training');
      await until(() => loadCheckpoint(files.run(job)), 'a checkpoint', 60_000);
      process.kill(pid!, 'SIGKILL');
    },
  ],
] satisfies [string, (site: Site, files: RetrainingFiles) => Promise<void>][])(
  'a bot killed %s: nobody is left at work, and the next bot ends what was begun',
  { timeout: 300_000 },
  async (when, moment) => {
    const epochs = 8;
    const site = await makeSite();
    const { retraining, files, registry } = openSite(site);
    const bot = startBotProcess(site, epochs);
    await moment(site, files);
    bot.kill('SIGKILL');
    await once(bot, 'exit');
    await until(() => trainers(site).length === 0, 'the end of its process', 60_000);
    // What is nearly done is ended; before that nothing goes on without a bot.
    if (!when.includes('judged')) expect(await registry.list()).toEqual([]);
    const board = noticeBoard();
    await retraining.begin(async () => board);
    await retraining.idle();
    const { job, status } = (await retraining.status())!;
    expect(status).toMatchObject({ state: 'finished', result: { version: 1 } });
    expect((await registry.list()).map((card) => [card.version, card.epochs])).toEqual([[1, epochs]]);
    expect(board.notices.at(-1)!.text).toContain('Version 1 (tiny) is trained');
    expect(await files.isTold(job.id)).toBe(true);
  },
);

test('a bot killed while it trains leaves no training behind; the next bot goes on with it and tells the result', {
  timeout: 300_000,
}, async () => {
  const site = await makeSite();
  const { retraining, files } = openSite(site);
  const bot = startBotProcess(site, 400);
  const before = await until(
    async () => {
      const job = await files.job();
      const status = job && (await files.status(job.id));
      return (status?.progress?.history.length ?? 0) >= 1 && status;
    },
    'an epoch',
    60_000,
  );
  expect(getPriority(before!.pid!)).toBe(19);
  if (process.platform === 'linux') expect(await readFile(`/proc/${before!.pid}/oom_score_adj`, 'utf8')).toBe('1000\n');
  bot.kill('SIGKILL');
  await once(bot, 'exit');
  await until(async () => (await processStart(before!.pid!)) === undefined);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  const heard = await until(
    async () => {
      const { status } = (await retraining.status())!;
      return (
        status.pid !== before!.pid &&
        (status.progress?.history.length ?? 0) > before!.progress!.history.length &&
        status
      );
    },
    'another epoch',
    60_000,
  );
  expect(heard.progress!.history.slice(0, before!.progress!.history.length)).toEqual(before!.progress!.history);
  // The bot stops in good order: the training is neither failed nor called off.
  await retraining.cancel();
  await retraining.idle();
  expect((await retraining.status())!.status.state).toBe('cancelled');
  expect(board.notices.at(-1)!.text).toContain('Called off');
});

test.for(['stateDirectory', 'modelDirectory'] as const)(
  'a full disk under the %s ends a training in words, and once there is space it goes on (needs the right to mount)',
  { timeout: 300_000 },
  async (directory, context) => {
    const disk = await smallDisk(16 * 2 ** 20);
    if (disk === undefined) return context.skip();
    const site = { ...(await makeSite()), [directory]: disk };
    if (directory === 'modelDirectory') await saveUntrained(disk, 9);
    const filling = join(disk, 'filling');
    // Enough for the first files, but not for a checkpoint, nor for a version with its pictures.
    await fillDisk(filling, 64 * 1024);
    const { retraining, registry } = openSite(site);
    const board = noticeBoard();
    await retraining.begin(async () => board);
    await retraining.start(tinyTraining(5));
    await retraining.idle();
    expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /disk is full/ });
    expect(board.notices.at(-1)!.text).toContain('The disk is full');
    expect(await registry.list()).toEqual([]);
    await registry.load(0);
    expect(await registry.inUse()).toEqual({ version: 0 });
    await rm(filling);
    await retraining.resume();
    await retraining.idle();
    expect((await retraining.status())!.status).toMatchObject({ state: 'finished', result: { version: 1 } });
    await registry.load(1);
  },
);

test('a training whose data folder is gone when the next bot looks for it fails in words', {
  timeout: 120_000,
}, async () => {
  const site = await makeSite();
  const bot = startBotProcess(
    { ...site, dataDirectory: dirname(site.dataDirectory) },
    400,
    basename(site.dataDirectory),
  );
  const { retraining, files } = openSite({ ...site, dataDirectory: dirname(site.dataDirectory) });
  await untilPhase(files, 'training');
  bot.kill('SIGKILL');
  await once(bot, 'exit');
  await until(() => trainers(site).length === 0, 'the end of its process', 60_000);
  const moved = `${site.dataDirectory}-moved`;
  await rename(site.dataDirectory, moved);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /no folder ‘data’ in DATA_DIR/ });
  expect(board.notices.at(-1)!.text).toContain('no folder ‘data’');
});

test('a training of a platform that another process serves is left to that process, but can be called off here', async () => {
  const site = await makeSite();
  const first = openSite(site);
  const bot = startBotProcess(site, 40);
  await untilPhase(first.files, 'training');
  bot.kill('SIGKILL');
  await once(bot, 'exit');
  await until(() => trainers(site).length === 0, 'the end of its process', 60_000);

  const other = openSite(site).retraining;
  onTestFinished(() => other.stop(AbortSignal.timeout(10_000)));
  await other.begin(
    async () => undefined,
    () => false,
  );
  await other.idle();
  expect(trainers(site)).toEqual([]);
  expect((await other.status())!.status.state).toBe('running');
  const { job } = (await other.status())!;
  expect(await first.files.isTold(job.id)).toBe(false);

  await other.cancel();
  await other.idle();
  expect((await other.status())!.status.state).toBe('cancelled');
}, 200_000);
