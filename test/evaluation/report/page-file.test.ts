import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPageFile } from '../../../src/evaluation/report/page.ts';
import { unreadable } from '../../helpers/tiny-fer2013.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'page-file-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function* pieces(...texts: string[]) {
  yield* texts;
}

it('puts the page in place when it is complete, and leaves nothing else behind', async () => {
  const path = join(folder, 'report.html');
  await writeFile(path, 'old');
  const page = await openPageFile(path);
  expect(await readFile(path, 'utf8')).toBe('old');
  await page.finish(pieces('a', 'b'));
  await page.discard();
  expect(await readFile(path, 'utf8')).toBe('ab');
  expect(await readdir(folder)).toEqual(['report.html']);
});

it('leaves the old page where the new one fails or is given up', async () => {
  const path = join(folder, 'report.html');
  await writeFile(path, 'old');
  async function* failing() {
    yield 'half';
    throw new Error('no more');
  }
  const page = await openPageFile(path);
  await expect(page.finish(failing())).rejects.toThrow('no more');
  await page.discard();
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['report.html']);
});

it('makes the folder', async () => {
  const path = join(folder, 'new', 'deep', 'report.html');
  await (await openPageFile(path)).finish(pieces('a'));
  expect(await readFile(path, 'utf8')).toBe('a');
});

it('says that a path is no place for a page before anything is read', async () => {
  await mkdir(join(folder, 'folder.html'));
  await writeFile(join(folder, 'file'), '');
  for (const name of ['photo.jpg', 'labels.json', 'folder.html', 'file/report.html', 'file/in/report.html'])
    await expect(openPageFile(join(folder, name))).rejects.toMatchObject({ name: 'UserError', code: 'bad-usage' });
});

it('does not replace a file that it cannot examine', async () => {
  const path = await unreadable(join(folder, 'loop.html'));
  await expect(openPageFile(path)).rejects.toMatchObject({ code: 'ELOOP' });
});
