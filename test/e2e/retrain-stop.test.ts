import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { processStart } from '../../src/base/lock.ts';
import { RetrainingFiles } from '../../src/retraining/files.ts';
import { loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { isLocked } from '../helpers/is-locked.ts';
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

/** What the training has done, and in which process, once that is so many epochs by a process other than `earlier`. */
async function epochsDone(files: RetrainingFiles, epochs: number, earlier?: number) {
  return await until(
    async () => {
      const job = await files.job();
      const status = job && (await files.status(job.id));
      // Its process writes the status every few seconds, a checkpoint after each epoch.
      const checkpoint = status?.pid !== earlier && (await loadCheckpoint(files.run(job!.id)));
      if (!checkpoint || checkpoint.progress.history.length < epochs) return undefined;
      return { job: job!.id, pid: status!.pid!, history: checkpoint.progress.history };
    },
    `epoch ${epochs}`,
    90_000,
  );
}

/** Checks the state after a bot was stopped: no process works, no lock is held, there is a checkpoint, and the training is not over. */
async function expectPaused(files: RetrainingFiles, before: Awaited<ReturnType<typeof epochsDone>>) {
  expect(await processStart(before.pid)).toBeUndefined();
  expect(await isLocked(files.directory, 'supervisor')).toBe(false);
  expect(await isLocked(files.directory, 'child')).toBe(false);
  expect((await files.status(before.job)).state).toBe('running');
  expect(await files.isEndReported(before.job)).toBe(false);
  const { history } = (await loadCheckpoint(files.run(before.job)))!.progress;
  expect(history.slice(0, before.history.length)).toEqual(before.history);
  return { pid: before.pid, history };
}

/** Waits until a bot has continued the training of an earlier one by itself. */
async function goneOn(files: RetrainingFiles, left: Awaited<ReturnType<typeof expectPaused>>) {
  const after = await epochsDone(files, left.history.length + 1, left.pid);
  expect(after.history.slice(0, left.history.length)).toEqual(left.history);
  return after;
}

test('however a bot is stopped while a training runs: a checkpoint, no process left, and the next start goes on by itself', {
  timeout: 300_000,
}, async () => {
  const site = await makeSite();
  const files = new RetrainingFiles(site.stateDirectory);

  // SIGTERM to the bot alone: its training hears of it from the bot.
  const first = await startBot(site);
  const start = '/retrain start architecture:tiny epochs:1000 batch:7 learning-rate:0.05 patience:0';
  await say(await first.address(), { text: start });
  const begun = await epochsDone(files, 1);
  first.child.kill('SIGTERM');
  expect(await first.exitCode(), first.output.stderr).toBe(0);
  const afterTerm = await expectPaused(files, begun);

  // SIGTERM to every process and once more, as systemd and npm send it.
  const second = await startBot(site);
  const again = await goneOn(files, afterTerm);
  process.kill(-second.child.pid!, 'SIGTERM');
  // Two that come together would be one.
  await delay(20);
  process.kill(-second.child.pid!, 'SIGTERM');
  expect(await second.exitCode(), second.output.stderr).toBe(0);
  const afterTwo = await expectPaused(files, again);

  // Cancelled and resumed by hand, then Ctrl+C, which also reaches every process.
  const third = await startBot(site);
  const origin = await third.address();
  const resumed = await goneOn(files, afterTwo);
  await say(origin, { text: '/retrain cancel' });
  await until(async () => (await files.status(resumed.job)).state === 'cancelled', 'the cancellation');
  await until(async () => (await processStart(resumed.pid)) === undefined, 'the end of its process');
  const left = (await loadCheckpoint(files.run(resumed.job)))!.progress;
  await until(async () => !(await isLocked(files.directory, 'supervisor')), 'the end of looking after it');
  await say(origin, { text: '/retrain resume' });
  const last = await goneOn(files, { pid: resumed.pid, history: left.history });
  process.kill(-third.child.pid!, 'SIGINT');
  expect(await third.exitCode(), third.output.stderr).toBe(0);
  await expectPaused(files, last);
});
