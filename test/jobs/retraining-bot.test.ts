import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { processStart } from '../../src/process-identity.ts';
import { makeSite, noticeBoard, openSite, type Site, tinyTraining, until } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const BOT = fileURLToPath(new URL('../helpers/retraining-bot.ts', import.meta.url));

function startBotProcess(site: Site, epochs: number): ChildProcess {
  const bot = spawn(process.execPath, ['--import', 'tsx', BOT, JSON.stringify({ site, epochs })], { stdio: 'ignore' });
  onTestFinished(() => {
    bot.kill('SIGKILL');
  });
  return bot;
}

test('a bot killed while it trains leaves no training behind; the next bot goes on with it and tells the result', {
  timeout: 120_000,
}, async () => {
  const site = await makeSite();
  const { retraining, files } = openSite(site);
  const bot = startBotProcess(site, 400);
  const before = await until(async () => {
    const job = await files.job();
    const status = job && (await files.status(job.id));
    return (status?.progress?.history.length ?? 0) >= 1 && status;
  }, 60);
  expect(getPriority(before!.pid!)).toBe(19);
  bot.kill('SIGKILL');
  await once(bot, 'exit');
  await until(async () => (await processStart(before!.pid!)) === undefined);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  const heard = await until(async () => {
    const { status } = (await retraining.status())!;
    return (
      status.pid !== before!.pid && (status.progress?.history.length ?? 0) > before!.progress!.history.length && status
    );
  }, 60);
  expect(heard.progress!.history.slice(0, before!.progress!.history.length)).toEqual(before!.progress!.history);
  // The bot stops in good order: the training is neither failed nor called off.
  await retraining.cancel();
  await retraining.idle();
  expect((await retraining.status())!.status.state).toBe('cancelled');
  expect(board.notices.at(-1)!.text).toContain('Called off');
});

/** A file system of its own for the training's state; undefined where this user may not mount one. */
function smallDisk(directory: string, bytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory]);
  });
  return true;
}

test('a full disk ends a training in words, and the network in use stays (needs the right to mount)', {
  timeout: 120_000,
}, async (context) => {
  const site = await makeSite();
  const disk = join(await temporaryFolder(), 'disk');
  await mkdir(disk);
  if (!smallDisk(disk, 256 * 1024)) context.skip();
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
