import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { processStart } from '../../src/process-identity.ts';
import { makeSite, noticeBoard, openSite, type Site, tinyTraining } from '../helpers/retraining.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { until } from '../helpers/until.ts';

const BOT = fileURLToPath(new URL('../helpers/retraining-bot.ts', import.meta.url));

function startBotProcess(site: Site, epochs: number): ChildProcess {
  const bot = spawn(process.execPath, ['--import', 'tsx', BOT, JSON.stringify({ site, epochs })], { stdio: 'ignore' });
  onTestFinished(() => {
    bot.kill('SIGKILL');
  });
  return bot;
}

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

test('a full disk ends a training in words, and the network in use stays (needs the right to mount)', {
  timeout: 300_000,
}, async (context) => {
  const site = await makeSite();
  const disk = await smallDisk(256 * 1024);
  if (disk === undefined) return context.skip();
  const { retraining, registry } = openSite({ ...site, stateDirectory: disk });
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await retraining.start(tinyTraining(5));
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /disk is full/ });
  expect(board.notices.at(-1)!.text).toContain('The disk is full');
  await registry.verify(0);
  expect(await registry.inUse()).toEqual({ version: 0 });
});
