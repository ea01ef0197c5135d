import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { type JobStatus, newStatus, RetrainingFiles, type RetrainingRequest } from '../../src/retraining/files.ts';
import { loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { trainingPlan } from '../../src/training/run/plan.ts';
import { makeSite, noticeBoard, openSite, type Site, saveUntrained, tinyTraining } from '../helpers/retraining.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';
import { fillDisk, smallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';

const BOT = fileURLToPath(new URL('../helpers/retraining-bot.ts', import.meta.url));

function startBotProcess(site: Site, epochs: number): ChildProcess {
  const bot = spawn(process.execPath, [RUNS_SOURCE, BOT, JSON.stringify({ site, epochs })], { stdio: 'ignore' });
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

/** The status that the process of a training has written at the start of a phase. */
async function untilPhase(files: RetrainingFiles, phase: JobStatus['phase'], earlier?: number): Promise<JobStatus> {
  return await until(
    async () => {
      const job = await files.job();
      const status = job && (await files.status(job.id));
      return status?.phase === phase && status.pid !== earlier && status;
    },
    phase,
    60_000,
  );
}

/** The epochs that a run has done, once there are more than `done`. */
async function untilCheckpoint(files: RetrainingFiles, job: string, done: number) {
  return await until(
    async () => {
      const history = (await loadCheckpoint(files.run(job)))?.progress.history ?? [];
      return history.length > done && history;
    },
    `epoch ${done + 1}`,
    60_000,
  );
}

/** Files of a training that a bot was at work on when it was killed, before its first epoch. */
async function leftBehind(site: Site, more: Partial<RetrainingRequest> = {}): Promise<RetrainingFiles> {
  const files = new RetrainingFiles(site.stateDirectory);
  const { plan, name, ...rest } = tinyTraining(40, more);
  await files.writeJob({ ...rest, id: 'left', plan: { ...trainingPlan(plan) } });
  await files.writeStatus({ ...newStatus('left'), phase: 'training', pid: 4_000_000 });
  return files;
}

test('bots killed at any moment leave no process at work; the next bot continues the training, and the last one posts the result', {
  timeout: 300_000,
}, async () => {
  const epochs = 80;
  const site = await makeSite();
  const { retraining, files, registry } = openSite(site);
  const killWhen = async (moment: () => Promise<unknown>) => {
    const bot = startBotProcess(site, epochs);
    await moment();
    bot.kill('SIGKILL');
    await once(bot, 'exit');
    await until(() => trainers(site).length === 0, 'the end of its process', 60_000);
  };
  // Before its training has said a word.
  await killWhen(() => until(() => trainers(site).length > 0, 'its process', 60_000));
  const { id } = (await files.job())!;

  let pid: number | undefined;
  // Once it has said its first word: it checks the data, which may be over by the next look.
  await killWhen(async () => {
    pid = await until(async () => (await files.status(id))?.pid, 'its first word', 60_000);
  });

  await killWhen(async () => {
    // The one before may have come to train before it ended.
    ({ pid } = await untilPhase(files, 'training', pid));
    expect(getPriority(pid!)).toBe(19);
    if (process.platform === 'linux') expect(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('1000\n');
    await untilCheckpoint(files, id, 0);
  });
  const left = await untilCheckpoint(files, id, 0);

  // As soon as it trains again, and its training with it: an epoch later it might have ended, where this process is held up.
  await killWhen(async () => {
    ({ pid } = await untilPhase(files, 'training', pid));
    process.kill(pid!, 'SIGKILL');
  });
  // Until the network is judged, a training stops without its bot. After that it finishes, since it is nearly done.
  expect(await registry.list()).toEqual([]);
  await killWhen(() => untilPhase(files, 'judging'));

  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.idle();
  const { job, status } = (await retraining.status())!;
  expect(job.id).toBe(id);
  expect(status).toMatchObject({ state: 'finished', result: { version: 1 } });
  // The very epochs of before, seconds and all: they were not trained again.
  expect(status.progress!.history.slice(0, left.length)).toEqual(left);
  expect((await registry.list()).map((card) => [card.version, card.epochs])).toEqual([[1, epochs]]);
  expect(board.notices.at(-1)!.text).toContain('Version 1 (tiny) is trained');
  expect(await files.isEndReported(id)).toBe(true);
});

test('a full disk ends a training in words, and once there is space it goes on (needs the right to mount)', {
  timeout: 300_000,
}, async (context) => {
  const [stateDisk, modelDisk] = [await smallDisk(16 * 2 ** 20), await smallDisk(16 * 2 ** 20)];
  if (stateDisk === undefined || modelDisk === undefined) return context.skip();
  const site = { ...(await makeSite()), stateDirectory: stateDisk, modelDirectory: modelDisk };
  await saveUntrained(modelDisk, 9);
  // Enough for the first files, but not for a checkpoint, nor for a version with its pictures.
  const fillings = [stateDisk, modelDisk].map((disk) => join(disk, 'filling'));
  for (const filling of fillings) await fillDisk(filling, 64 * 1024);
  const { retraining, registry } = openSite(site);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.start(tinyTraining(5));
  for (const filling of fillings) {
    await retraining.idle();
    expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /disk is full/ });
    expect(board.notices.at(-1)!.text).toContain('The disk is full');
    expect(await registry.list()).toEqual([]);
    await registry.load(0);
    expect(await registry.inUse()).toEqual({ version: 0 });
    await rm(filling);
    await retraining.resume();
  }
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'finished', result: { version: 1 } });
  await registry.load(1);
});

test('a training whose data folder is gone when the next bot continues it fails with a sentence that says so', async () => {
  const site = await makeSite();
  await leftBehind(site, { data: 'gone' });
  const { retraining } = openSite(site);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /no folder ‘gone’ in DATA_DIR/ });
  expect(board.notices.at(-1)!.text).toContain('no folder ‘gone’');
});

test('a training of a platform that another process serves is left to that process, but can be called off here', async () => {
  const site = await makeSite();
  const files = await leftBehind(site);
  const { retraining } = openSite(site);
  await retraining.begin(
    async () => undefined,
    () => false,
  );
  await retraining.idle();
  expect(trainers(site)).toEqual([]);
  expect((await retraining.status())!.status.state).toBe('running');
  expect(await files.isEndReported('left')).toBe(false);

  await retraining.cancel();
  await retraining.idle();
  expect((await retraining.status())!.status.state).toBe('cancelled');
  await retraining.stop(AbortSignal.timeout(10_000));
});
