import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'libsql/promise';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FileJournal } from '../../src/work/file-journal.ts';
import type { Job } from '../../src/work/journal.ts';
import { holdDatabase } from '../helpers/hold-database.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';
import { until } from '../helpers/until.ts';

let directory: string;
let path: string;
const open: FileJournal[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-'));
  path = join(directory, 'state', 'journal.db');
});
afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close();
  rmSync(directory, { recursive: true });
});

const lines: string[] = [];
const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });

async function openJournal(options: Parameters<typeof FileJournal.open>[2] = {}): Promise<FileJournal> {
  const journal = await FileJournal.open(path, log, options);
  open.push(journal);
  return journal;
}

async function closed(journal: FileJournal): Promise<void> {
  open.splice(open.indexOf(journal), 1);
  await journal.close();
}

function job(message: string, more: Partial<Job> = {}): Job {
  return { bot: 'discord 1', place: 'c1', message, kind: 'posted', files: ['f1', 'f2'], begun: 1000, ...more };
}

describe('FileJournal', () => {
  test('gives what was begun and not ended to whoever comes after, oldest first, with the runs that began it', async () => {
    const first = await openJournal();
    await Promise.all([
      first.begin(job('m1', { begun: 3 })),
      first.begin(job('m2', { begun: 2, kind: 'command', about: 'm0', files: [] })),
      first.begin(job('m3')),
      first.begin(job('m1', { bot: 'slack T1 U1' })),
    ]);
    // A second time changes nothing.
    await first.begin(job('m1', { files: [] }));
    await first.end(job('m3'));
    await closed(first);
    const second = await openJournal();
    expect(await second.takeOverJobs('discord 1')).toEqual([
      { ...job('m2', { begun: 2, kind: 'command', about: 'm0', files: [] }), runs: 1, isSuspect: false, whispers: 0 },
      { ...job('m1', { begun: 3 }), runs: 1, isSuspect: false, whispers: 0 },
    ]);
    expect(await second.takeOverJobs('slack T2 U1')).toEqual([]);
    await second.end(job('m2'));
    await second.markSuspect(job('m1'));
    await closed(second);
    const third = await openJournal();
    expect(await third.takeOverJobs('discord 1')).toMatchObject([{ message: 'm1', runs: 2, isSuspect: true }]);
  });

  test('gives no job a second time where the jobs of other places are taken over later', async () => {
    const first = await openJournal();
    for (const place of ['c1', 'c2']) await first.begin(job(`m-${place}`, { place }));
    await closed(first);
    const second = await openJournal();
    expect(await second.takeOverJobs('discord 1', async (place) => place === 'c1')).toMatchObject([{ place: 'c1' }]);
    // It is tried alone, and then has to wait for the chat.
    await second.markSuspect(job('m-c1'));
    expect(await second.takeOverJobs('discord 1')).toMatchObject([{ place: 'c2' }]);
  });

  test('counts what this process has begun and not ended, since the oldest of it', async () => {
    const [journal, other] = [await openJournal(), await openJournal()];
    expect(await journal.countOpen()).toEqual({ count: 0 });
    await other.begin(job('m1'));
    await Promise.all([journal.begin(job('m2', { begun: 3000 })), journal.begin(job('m3', { begun: 2000 }))]);
    expect(await journal.countOpen()).toEqual({ count: 2, since: 2000 });
    await journal.end(job('m3'));
    expect(await journal.countOpen()).toEqual({ count: 1, since: 3000 });
  });

  test('counts the runs that may have said something to the asker alone', async () => {
    const run = async (whispers: boolean, couldNot = false) => {
      const journal = await openJournal();
      const [left] = await journal.takeOverJobs('discord 1');
      if (left === undefined) await journal.begin(job('m1'));
      if (whispers) await journal.markWhisper(job('m1'));
      if (couldNot) await journal.markWhisper(job('m1'), true);
      await journal.markSuspect(job('m1'));
      await closed(journal);
      return left?.whispers;
    };
    expect([
      await run(false),
      // What could not be said does not count.
      await run(true, true),
      await run(true),
      await run(false),
      await run(true),
      await run(true),
    ]).toEqual([undefined, 0, 0, 1, 1, 2]);
  });

  test('leaves alone what a living process has under way, and gives each job to one of those that ask', async () => {
    const dead = await openJournal();
    await dead.begin(job('m1'));
    const living = await openJournal();
    await living.begin(job('m2'));
    await closed(dead);
    const all = await Promise.all(
      [await openJournal(), await openJournal()].map((one) => one.takeOverJobs('discord 1')),
    );
    expect(all.flat().map(({ message }) => message)).toEqual(['m1']);
    // Nor does it take over its own jobs as if they were another process's.
    await living.begin(job('m3'));
    expect(await living.takeOverJobs('discord 1')).toEqual([]);
  });

  test('loses nothing of what it has said is written when its process is killed', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const child: ChildProcess = fork(RUNS_SOURCE, [join(import.meta.dirname, 'journal-writer.ts'), path], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const written: string[] = [];
    child.on('message', (message: string) => {
      written.push(message);
      if (written.length === 40) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const journal = await openJournal();
    const left = (await journal.takeOverJobs('discord 1')).map(({ message }) => message);
    expect(left).toEqual(expect.arrayContaining(written));
    for (const name of readdirSync(dirname(path)))
      expect(statSync(join(dirname(path), name)).mode & 0o777, name).toBe(0o600);
  });

  test.each([0, 1, 2, 3, 4])('writes what comes %s steps after the last write has ended', async (steps) => {
    const journal = await openJournal();
    const exec = Database.prototype.exec;
    const spy = vi.spyOn(Database.prototype, 'exec');
    onTestFinished(() => spy.mockRestore());
    let second: Promise<void> | undefined;
    spy.mockImplementationOnce(async function (this: Database, sql) {
      await exec.call(this, sql);
      void Promise.resolve().then(async () => {
        for (let step = 0; step < steps; step++) await undefined;
        second = journal.begin(job('2'));
      });
    } as typeof exec);
    await journal.begin(job('1'));
    await until(() => second !== undefined, 'the second', 5000);
    await second;
    expect((await journal.countOpen()).count).toBe(2);
  });

  test('keeps the last message seen in each channel, newest first, for thirty days', async () => {
    let now = 1_000_000;
    const first = await openJournal({ now: () => now });
    first.markSeen('discord 1', 'c1', '10');
    first.markSeen('discord 1', 'c1', '11');
    await first.begin(job('m1'));
    now += 60_000;
    first.markSeen('discord 1', 'c2', '12');
    first.markSeen('discord 2', 'c1', '13');
    await closed(first);
    const second = await openJournal({ now: () => now });
    expect([...(await second.lastSeen('discord 1'))]).toEqual([
      ['c2', '12'],
      ['c1', '11'],
    ]);
    now += 30 * 24 * 60 * 60_000 - 1;
    expect([...(await second.lastSeen('discord 1'))]).toEqual([['c2', '12']]);
  });

  test('keeps ids as they are, whatever is in them', async () => {
    const odd = "o'; DROP TABLE jobs; --";
    const first = await openJournal();
    await first.begin(job(odd, { place: odd, files: ["f'1"] }));
    await closed(first);
    expect(await (await openJournal()).takeOverJobs('discord 1')).toMatchObject([
      { message: odd, place: odd, files: ["f'1"] },
    ]);
  });

  test('that another program locks is given up before Slack would resend an event, and used again afterwards', async () => {
    const journal = await openJournal();
    const letGo = holdDatabase(path);
    const since = performance.now();
    await expect(journal.begin(job('m1'))).rejects.toThrow('locked');
    expect(performance.now() - since).toBeLessThan(2900);
    letGo();
    await journal.begin(job('m2'));
    await closed(journal);
    expect(await (await openJournal()).takeOverJobs('discord 1')).toMatchObject([{ message: 'm2' }]);
  });

  test('puts a broken file aside, and says so', async () => {
    // Not written over an open file: closing that file may still write to it, and would repair it.
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, 'torn'.repeat(2000));
    const journal = await openJournal();
    await journal.begin(job('m1'));
    expect(readFileSync(`${path}.broken`, 'utf8')).toContain('torntorn');
    expect(lines.join()).toContain('the journal is broken');
  });
});
