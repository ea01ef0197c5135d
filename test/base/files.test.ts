import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { entriesOf, explainFile, explainWrite, fileTrouble, reasonOf, writeDurably } from '../../src/base/files.ts';

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
