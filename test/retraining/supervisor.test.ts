import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadClassifier } from '../../src/emotion/classifier.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { endOf } from '../../src/retraining/training-process.ts';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { drawTinyFace } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

test('a broken chunk, a missing one and a path are each reported as a sentence, and the network stays; killed in every phase, a training goes on from its checkpoint and makes one version', {
  timeout: 300_000,
}, async () => {
  // Nobody else may read what it leaves, whatever the process would let others do.
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const site = await makeSite();
  const { retraining, registry } = openSite(site);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await expect(retraining.start(tinyTraining(1, { data: '../elsewhere' }))).rejects.toMatchObject({
    code: 'bad-usage',
  });
  await expect(retraining.start(tinyTraining(1, { data: 'nowhere' }))).rejects.toMatchObject({ code: 'not-found' });
  const chunk = join(site.dataDirectory, 'fer2013_07.csv.gz');
  const whole = await readFile(chunk);
  await writeFile(chunk, whole.subarray(0, whole.length / 2));
  await retraining.start(tinyTraining(40));
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /fer2013_07\.csv\.gz/ });
  expect(board.notices.at(-1)!.text).toContain('DATA_DIR/fer2013_07.csv.gz is cut short');
  expect(board.notices.at(-1)!.text).not.toContain(site.dataDirectory);
  await rm(chunk);
  await retraining.resume();
  await retraining.idle();
  expect((await retraining.status())!.status).toMatchObject({ state: 'failed', error: /fer2013_07 is missing/ });
  expect(await registry.inUse()).toEqual({ version: 0 });
  await writeFile(chunk, whole);
  let last = (await retraining.status())!.status.pid;
  await retraining.resume();

  const killWhen = async (phase: string, epochs = 0) => {
    const status = await until(
      async () => {
        const now = (await retraining.status())!.status;
        const there = now.phase === phase && (now.progress?.history.length ?? 0) >= epochs;
        return now.pid !== undefined && now.pid !== last && (there || now.state !== 'running') && now;
      },
      phase,
      60_000,
    );
    expect(status.state).toBe('running');
    last = status.pid!;
    process.kill(last, 'SIGKILL');
    return status;
  };
  await killWhen('checking');
  const killed = await killWhen('training', 3);
  await killWhen('judging', 40);
  await retraining.idle();
  const { status } = (await retraining.status())!;
  expect(status).toMatchObject({ state: 'finished', result: { version: 1 } });
  expect(status.progress!.history).toHaveLength(40);
  // The very epochs of before the kill, seconds and all: they were not trained again.
  expect(status.progress!.history.slice(0, 3)).toEqual(killed.progress!.history.slice(0, 3));
  expect((await registry.list()).map(({ version }) => version)).toEqual([1]);
  const classifier = await loadClassifier(registry.directoryOf(1));
  const readings = await classifier.classify(EMOTIONS.map((_, label) => drawTinyFace(label, 10_000 + label)));
  await classifier.dispose();
  expect(readings).toHaveLength(7);
  const made = await readdir(site.stateDirectory, { recursive: true, withFileTypes: true });
  expect(made.some(({ name }) => name.endsWith('.lock'))).toBe(true);
  for (const entry of made) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    expect.soft(mode & 0o777, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600);
  }
  expect((await stat(site.stateDirectory)).mode & 0o777).toBe(0o700);
});

test('a training that exceeds its memory limit ends with a sentence that says so', { timeout: 300_000 }, async () => {
  const { retraining } = openSite(await makeSite(), { memoryBytes: 100 * 2 ** 20 });
  await retraining.begin(async () => noticeBoard());
  await retraining.start(tinyTraining());
  await retraining.idle();
  const { status } = (await retraining.status())!;
  expect(status.state).toBe('failed');
  expect(status.error).toMatch(/took more than 100 MB of memory/);
});

test('a process that cannot be started, for want of file descriptors, is an error of its training and not of the bot', async () => {
  // As Node makes it then: without streams.
  const child = Object.assign(new EventEmitter(), { stdin: undefined, stdout: undefined, stderr: undefined });
  process.nextTick(() => child.emit('error', new Error('spawn EMFILE')));
  await expect(endOf(child as unknown as ChildProcess)).rejects.toThrow('spawn EMFILE');
});
