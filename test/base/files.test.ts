import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  entriesOf,
  explainFile,
  explainWrite,
  fileTrouble,
  makeFolder,
  makePrivateFolder,
  makePrivateFolderSync,
  namesIn,
  reasonOf,
  syncDirectory,
  writeDurably,
} from '../../src/base/files.ts';

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error) => error,
  );
}

it('a file system’s error becomes words', async () => {
  const directory = await folder();
  const isFolder = await errorOf(readFile(directory));
  expect(reasonOf(isFolder)).toBe('it is a folder');
  const told = explainFile(isFolder, { folder: ['not-found', 'That is a folder.'] });
  expect(told).toMatchObject({ code: 'not-found', message: 'That is a folder.', cause: isFolder });
  // What is not expected here stays what it is.
  expect(explainFile(isFolder, { missing: ['not-found', 'There is none.'] })).toBe(isFolder);

  await writeFile(join(directory, 'file'), '');
  expect(fileTrouble(await errorOf(readFile(join(directory, 'none'))))).toBe('missing');
  expect(fileTrouble(await errorOf(readFile(join(directory, 'file', 'none'))))).toBe('missing');
  expect(fileTrouble(await errorOf(mkdir(directory)))).toBe('exists');
  const noFolder = explainWrite('a.txt', await errorOf(writeFile(join(directory, 'none', 'a.txt'), '')));
  expect(noFolder).toMatchObject({ code: 'bad-usage', message: expect.stringContaining('its folder is not there') });
});

it('a folder and a file are as private as where they are made; a private one is nobody else’s', async () => {
  const directory = await folder();
  const rights = async (...path: string[]) => (await stat(join(directory, ...path))).mode & 0o777;
  await makePrivateFolder(join(directory, 'a', 'b'));
  await makeFolder(join(directory, 'a', 'b', 'c', 'd'));
  await writeDurably(join(directory, 'a', 'b', 'c', 'file'), 'text');
  expect([await rights('a'), await rights('a', 'b'), await rights('a', 'b', 'c')]).toEqual([0o700, 0o700, 0o700]);
  expect([await rights('a', 'b', 'c', 'd'), await rights('a', 'b', 'c', 'file')]).toEqual([0o700, 0o600]);
  await mkdir(join(directory, 'open'));
  await chmod(join(directory, 'open'), 0o755);
  await makeFolder(join(directory, 'open', 'c'));
  await writeDurably(join(directory, 'open', 'file'), 'text');
  expect([await rights('open', 'c'), await rights('open', 'file')]).toEqual(
    [0o755, 0o644].map((mode) => mode & ~process.umask()),
  );
  // One that is there stays as it is.
  await makePrivateFolder(join(directory, 'open'));
  expect(await rights('open')).toBe(0o755);
});

it('any other error is no trouble with a file and keeps its words', () => {
  const error = Object.assign(new Error('the plug is out'), { code: 'ECONNREFUSED' });
  expect(fileTrouble(error)).toBeUndefined();
  expect(reasonOf(error)).toBe('the plug is out');
  expect(explainWrite('a.txt', error)).toBe(error);
});

it('a file is put in place whole, over an older one and over a leftover of a crash', async () => {
  const directory = await folder();
  const path = join(directory, 'a.json');
  await writeFile(path, 'old');
  await writeFile(`${path}.tmp`, 'half of some');
  await writeDurably(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(directory)).toEqual(['a.json']);
});

it('there is nothing in a folder that is not there', async () => {
  const directory = await folder();
  await writeFile(join(directory, 'file'), '');
  expect(await entriesOf(directory)).toEqual(['file']);
  expect(await entriesOf(join(directory, 'none'))).toEqual([]);
  await expect(entriesOf(join(directory, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it.skipIf(process.platform !== 'linux')(
  'a folder that a file system does not let be made is refused, not tried for ever',
  async () => {
    await expect(makePrivateFolder('/proc/none/state')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => makePrivateFolderSync('/proc/none/state')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  },
);

it('a folder that a person named and that cannot be read is a sentence', async () => {
  const directory = await folder();
  await writeFile(join(directory, 'file'), '');
  expect(await namesIn(directory)).toEqual(['file']);
  for (const name of ['none', 'file']) {
    const message = `The folder ${join(directory, name)} cannot be read: is it there, and a folder?`;
    expect(await errorOf(namesIn(join(directory, name)))).toMatchObject({ code: 'no-data', message });
  }
});

// Linux has such a folder at hand: /proc.
it.runIf(process.platform === 'linux')(
  'a folder whose entries cannot be forced to the disk is left as it is',
  async () => {
    await syncDirectory('/proc');
  },
);
