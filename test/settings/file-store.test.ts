import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FileStore } from '../../src/settings/file-store.ts';
import { openSettings } from '../../src/settings/open-settings.ts';
import { Settings } from '../../src/settings/settings.ts';
import { holdDatabase } from '../helpers/hold-database.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';

const WRITER = join(import.meta.dirname, 'writer.ts');

let directory: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'file-store-'));
  path = join(directory, 'settings.db');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

/** A process that sets NAME-0, NAME-1, … and prints each number once it is kept. */
function startWriter(name: string, count: number) {
  const child = spawn(process.execPath, [RUNS_SOURCE, WRITER, path, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout }) };
}

describe('a process that is killed while it sets', () => {
  test.each([1, 7, 40])('after %i settings has lost none of those it was told are kept', async (after) => {
    const { child, lines } = startWriter('k', 100_000);
    let kept = 0;
    for await (const line of lines) {
      kept = Number(line) + 1;
      if (kept === after) child.kill('SIGKILL');
    }
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL');
    expect(kept).toBeGreaterThanOrEqual(after);
    const store = new FileStore(path);
    for (let k = 0; k < kept; k++) expect(await store.get(`k-${k}`)).toBe(`value ${k} ${'x'.repeat(500)}`);
    // One more may have been kept without being told; if so, all of it.
    expect([undefined, `value ${kept} ${'x'.repeat(500)}`]).toContain(await store.get(`k-${kept}`));
    await store.set('afterwards', 'works');
    expect(await store.get('afterwards')).toBe('works');
    await store.close();
    expect(readdirSync(directory)).toEqual(['settings.db']);
  });
});

test('two processes and this one set at the same time, and nothing is lost', async () => {
  const writers = ['a', 'b'].map((name) => startWriter(name, 60));
  const store = new FileStore(path);
  for (let k = 0; k < 20; ) {
    // Held by the others for too long, it says so, and asks to be tried again.
    const held = await store.set(`own-${k}`, String(k)).catch((error: unknown) => error);
    if (held === undefined) k++;
    else expect(held).toMatchObject({ code: 'busy' });
  }
  await Promise.all(writers.map(({ child }) => once(child, 'exit')));
  expect(writers.map(({ child }) => child.exitCode)).toEqual([0, 0]);
  for (const name of ['a', 'b']) {
    for (let k = 0; k < 60; k++) expect(await store.get(`${name}-${k}`)).toContain(`value ${k} `);
  }
  for (let k = 0; k < 20; k++) expect(await store.get(`own-${k}`)).toBe(String(k));
  await store.close();
});

describe('where there is no room', () => {
  /** Sets until it fails. @returns the error, and how many were kept */
  async function fill(store: FileStore) {
    for (let kept = 0; ; kept++) {
      try {
        await store.set(`k-${kept}`, 'x'.repeat(1000));
      } catch (error) {
        return { error, kept };
      }
    }
  }

  async function expectNothingLost(store: FileStore) {
    const { error, kept } = await fill(store);
    expect(error).toMatchObject({ name: 'UserError', code: 'no-space', message: expect.stringContaining('no room') });
    expect(kept).toBeGreaterThan(20);
    for (let k = 0; k < kept; k++) expect(await store.get(`k-${k}`)).toBe('x'.repeat(1000));
    expect(await store.get(`k-${kept}`)).toBeUndefined();
    await store.close();
    const again = new FileStore(path);
    expect(await again.get(`k-${kept - 1}`)).toBe('x'.repeat(1000));
    await again.close();
  }

  test('a full file says so and loses nothing', async () => {
    await expectNothingLost(new FileStore(path, { maxBytes: 200_000 }));
  });

  const mounted = () => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory]).status === 0;

  // Lazily: SQLite's handle stays until its statements have been collected.
  const unmount = () => spawnSync('umount', ['--lazy', directory]);

  test('a full disk says so and loses nothing', async ({ skip }) => {
    if (!mounted()) skip('A full disk is not tested: no right to mount a small one.');
    try {
      await expectNothingLost(new FileStore(path));
      // Room again: it goes on.
      rmSync(path);
      const store = new FileStore(path);
      await store.set('a', 'b');
      expect(await store.get('a')).toBe('b');
      await store.close();
    } finally {
      unmount();
    }
  });

  test('a disk that is full from the beginning says so too', async ({ skip }) => {
    if (!mounted()) skip('A full disk is not tested: no right to mount a small one.');
    try {
      writeFileSync(join(directory, 'other'), Buffer.alloc(254 * 1024));
      const store = new FileStore(path);
      await expect(store.set('a', 'b')).rejects.toMatchObject({ name: 'UserError', code: 'no-space' });
      expect(await store.get('a')).toBeUndefined();
      await store.close();
      expect(await new FileStore(path).get('a')).toBeUndefined();
    } finally {
      unmount();
    }
  });
});

test('nothing is written before something is set', async () => {
  const settings = new Settings(new FileStore(join(directory, 'state', 'settings.db')));
  expect(await settings.hasOptedOut('p', '1')).toBe(false);
  expect(await settings.channelMode('p', '1')).toBe('on');
  await settings.close();
  expect(existsSync(join(directory, 'state'))).toBe(false);
});

test('no id is in the file, and a deleted entry leaves nothing in it', async () => {
  const settings = new Settings(new FileStore(path));
  await settings.setOptedOut('platform-name', '1234567890', true);
  await settings.setChannelMode('platform-name', 'C0SECRET', 'off');
  const before = readFileSync(path);
  for (const text of ['1234567890', 'C0SECRET', 'platform-name']) expect(before.includes(text)).toBe(false);
  expect(before.includes('opted-out')).toBe(true);
  await settings.setOptedOut('platform-name', '1234567890', false);
  expect(readFileSync(path).includes('opted-out')).toBe(false);
  await settings.close();
});

describe('openSettings', () => {
  const open = () => openSettings({ stateDirectory: directory }, createLogger({ level: 'silent' }));

  test('says so where the file is none of its own', async () => {
    writeFileSync(path, 'not a database at all, but long enough to be taken for one'.repeat(100));
    await expect(open()).rejects.toMatchObject({ code: 'bad-config' });
    await expect(open()).rejects.toThrow(/^The settings in .*settings\.db cannot be opened: /);
    expect(readFileSync(path, 'utf8')).toContain('not a database');
  });

  test('says so where the file is a folder', async () => {
    mkdirSync(path);
    await expect(open()).rejects.toMatchObject({ code: 'bad-config' });
  });
});

describe('a file that another program holds', () => {
  test('blocks nobody else while it waits; whoever asks is told to try again, and is answered once it is free', async () => {
    const store = new FileStore(path);
    await store.set('a', 'b');
    const letGo = holdDatabase(path);
    const blocked = monitorEventLoopDelay({ resolution: 5 });
    blocked.enable();
    // Nor does a bot that starts now fail.
    const started = new FileStore(path);
    const attempts = [
      store.get('a'),
      started.get('a'),
      store.set('a', 'c'),
      store.delete('a'),
      store.setIfAbsent('d', 'e'),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ reason: { code: 'busy', message: expect.stringContaining('Try again') } });
    }
    blocked.disable();
    expect(blocked.max / 1e6).toBeLessThan(1000);
    const waiting = [store.get('a'), started.setIfAbsent('d', 'e')];
    letGo();
    expect(await Promise.all(waiting)).toEqual(['b', 'e']);
    // Nor does one that was refused keep the file from others afterwards.
    expect(await store.get('a')).toBe('b');
    await started.set('a', 'f');
    expect(await store.get('a')).toBe('f');
    await started.delete('a');
    await Promise.all([store.close(), started.close()]);
  });
});

test('a file that is deleted or replaced under a running bot is noticed: nobody is read, and nothing is called done', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const settings = new Settings(new FileStore(path), log);
  await settings.setOptedOut('p', '1', true);
  const kept = readFileSync(path);
  const lost = { code: 'busy', message: expect.stringContaining('was emptied or replaced') };
  expect(await settings.isReachable()).toBe(true);
  rmSync(path);
  expect(await settings.isReachable()).toBe(false);
  await expect(settings.hasOptedOut('p', '2')).rejects.toMatchObject(lost);
  await expect(settings.channelMode('p', '2')).rejects.toMatchObject(lost);
  await expect(settings.setOptedOut('p', '2', true)).rejects.toMatchObject(lost);
  rmSync(path);
  const other = new Settings(new FileStore(path));
  await other.setOptedOut('p', '3', true);
  await expect(settings.setOptedOut('p', '2', true)).rejects.toMatchObject(lost);
  await expect(settings.hasOptedOut('p', '3')).rejects.toMatchObject(lost);
  expect(lines.filter((line) => line.includes('no photo is read until'))).toHaveLength(1);
  // What was kept is put back.
  await other.close();
  writeFileSync(path, kept);
  expect(await settings.isReachable()).toBe(true);
  expect(await settings.hasOptedOut('p', '1')).toBe(true);
  await settings.close();
});

test.each([
  ['emptied in its place', (path: string) => writeFileSync(path, '')],
  ['overwritten', (path: string) => writeFileSync(path, Buffer.alloc(20_000, 7))],
  ['a folder now', (path: string) => [rmSync(path), mkdirSync(path)]],
  ['removed before anybody asked', (path: string) => rmSync(path)],
])('a file that is %s under a running bot is reported, and used again once it is restored', async (_what, spoil) => {
  const log: string[] = [];
  const logger = createLogger({ level: 'error', destination: { write: (line) => log.push(line) } });
  const earlier = await openSettings({ stateDirectory: directory }, logger);
  await earlier.setOptedOut('p', '1', true);
  await earlier.close();
  const path = join(directory, 'settings.db');
  const kept = readFileSync(path);
  const settings = await openSettings({ stateDirectory: directory }, logger);
  spoil(path);
  const lost = { code: 'busy', message: expect.stringContaining('was emptied or replaced') };
  await expect(settings.hasOptedOut('p', '1')).rejects.toMatchObject(lost);
  await expect(settings.setOptedOut('p', '2', true)).rejects.toMatchObject(lost);
  expect(log).toHaveLength(1);
  rmSync(path, { recursive: true });
  writeFileSync(path, kept);
  expect(await settings.hasOptedOut('p', '1')).toBe(true);
  await settings.close();
});

test('only the bot’s user may look into what is kept, whatever the process would let others do', async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const state = join(directory, 'deep', 'state');
  const store = new FileStore(join(state, 'settings.db'));
  await store.set('a', 'b');
  for (const folder of [state, join(directory, 'deep')]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(state, 'settings.db')).mode & 0o777).toBe(0o600);
  await store.close();
});
