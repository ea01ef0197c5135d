import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFaceFolders } from '../../../src/training/data/face-folders.ts';
import { fourColours } from '../../fixtures/photos.ts';
import { temporaryFolder } from '../../helpers/tiny-fer2013.ts';

test('pictures in folders of emotions are read, links to pictures too; what is no picture is named', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'Happy', 'more'), { recursive: true });
  await fourColours(60, 60)
    .png()
    .toFile(join(folder, 'Happy', 'face.png'));
  await rename(join(folder, 'Happy', 'face.png'), join(folder, 'face.png'));
  await symlink(join(folder, 'face.png'), join(folder, 'Happy', 'link.png'));
  await symlink(join(folder, 'none.png'), join(folder, 'Happy', 'nothing.png'));
  await writeFile(join(folder, 'Happy', 'notes.txt'), 'notes');
  const { set, ignored } = await readFaceFolders(folder);
  expect(set.rows.files).toEqual([join('Happy', 'link.png')]);
  expect([...ignored].sort()).toEqual(['more', 'notes.txt', 'nothing.png'].map((name) => join('Happy', name)));
});

test('a file with the name of an emotion is a sentence', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'sad'), '');
  const message = `The folder ${join(folder, 'sad')} cannot be read: is it there, and a folder?`;
  await expect(readFaceFolders(folder)).rejects.toMatchObject({ code: 'no-data', message });
});
