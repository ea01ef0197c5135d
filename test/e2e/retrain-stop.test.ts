import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isLocked, processStart } from '../../src/base/lock.ts';
import { RetrainingFiles } from '../../src/retraining/files.ts';
import { loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { type MainProcess, say, startMain } from '../helpers/main-process.ts';
import { makeSite, type Site } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

/** A bot as `npm start` runs it, with a page and what it takes to train. */
async function startBot(site: Site): Promise<MainProcess> {
  return startMain(await temporaryFolder(), {
    MODEL_DIR: site.modelDirectory,
    DATA_DIR: site.dataDirectory,
    STATE_DIR: site.stateDirectory,
    ENGINE: 'onnx',
  });
}

/** The training's status once so many epochs are done by a process other than `earlier`. */
async function statusAfter(files: RetrainingFiles, epochs: number, earlier?: number) {
  return await until(
    async () => {
      const job = await files.job();
      const status = job && (await files.status(job.id));
      return status?.pid !== earlier && (status?.progress?.history.length ?? 0) >= epochs && status;
    },
    `epoch ${epochs}`,
    90_000,
  );
}

async function startTraining(bot: MainProcess, files: RetrainingFiles) {
  await say(await bot.address(), {
    text: '/retrain start architecture:tiny epochs:1000 batch:7 learning-rate:0.05 patience:0',
  });
  return await statusAfter(files, 1);
}

/** What a stopped bot must leave: nobody at work, no lock held, a checkpoint to go on from, a training that is not over. */
async function expectPaused(files: RetrainingFiles, before: { readonly pid?: number | undefined }): Promise<void> {
  expect(await processStart(before.pid!)).toBeUndefined();
  expect(await isLocked(files.directory, 'supervisor')).toBe(false);
  expect(await isLocked(files.directory, 'child')).toBe(false);
  const job = (await files.job())!;
  const status = await files.status(job.id);
  expect(status.state).toBe('running');
  const { progress } = (await loadCheckpoint(files.run(job.id)))!;
  expect(progress.history.length).toBeGreaterThanOrEqual(status.progress!.history.length);
  expect(await files.isTold(job.id)).toBe(false);
}

test('SIGTERM while a training runs: a checkpoint, no process left, and the next start goes on with it by itself', {
  timeout: 240_000,
}, async () => {
  const site = await makeSite();
  const files = new RetrainingFiles(site.stateDirectory);
  const bot = await startBot(site);
  const before = await startTraining(bot, files);
  bot.child.kill('SIGTERM');
  expect(await bot.exitCode(), bot.output.stderr).toBe(0);
  await expectPaused(files, before);
  const { progress: left } = (await loadCheckpoint(files.run((await files.job())!.id)))!;

  const next = await startBot(site);
  const origin = await next.address();
  const after = await statusAfter(files, left.history.length + 1, before.pid);
  expect(after.progress!.history.slice(0, left.history.length)).toEqual(left.history);
  await say(origin, { text: '/retrain cancel' });
  await until(async () => (await files.status(after.job)).state === 'cancelled', 'the cancellation');
  next.child.kill('SIGTERM');
  expect(await next.exitCode(), next.output.stderr).toBe(0);
  expect(await processStart(after.pid!)).toBeUndefined();
});

test.each([
  ['SIGTERM to every process and once more, as systemd and npm send it', ['SIGTERM', 'SIGTERM']],
  ['Ctrl+C', ['SIGINT']],
] as const)(
  '%s, while a training runs: a checkpoint, and no process left',
  {
    timeout: 180_000,
  },
  async (_, signals) => {
    const site = await makeSite();
    const files = new RetrainingFiles(site.stateDirectory);
    const bot = await startBot(site);
    const before = await startTraining(bot, files);
    for (const [k, signal] of signals.entries()) {
      // Two that come together would be one.
      if (k > 0) await delay(20);
      process.kill(-bot.child.pid!, signal);
    }
    expect(await bot.exitCode(), bot.output.stderr).toBe(0);
    await expectPaused(files, before);
  },
);
