import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Labels } from '../../../src/evaluation/report/labels.ts';
import { listPhotos } from '../../../src/evaluation/report/report.ts';

const labelled = (...names: string[]): Labels =>
  new Map(names.map((name) => [name, { width: 9, height: 9, faces: [] }]));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'list-photos-'));
  const names = ['photo10.jpg', 'photo2.JPG', 'phone.heic', 'labels.json', 'index.html', '._photo2.jpg'];
  for (const name of names) await writeFile(join(folder, name), '');
  await mkdir(join(folder, 'party', '.thumbnails'), { recursive: true });
  for (const name of ['1.png', '.thumbnails/1.png']) await writeFile(join(folder, 'party', name), '');
});
afterAll(() => rm(folder, { recursive: true }));

it('lists all pictures, in folders too, those that cannot be read among them, numbers in order', async () => {
  expect(await listPhotos(folder, undefined)).toEqual({
    names: ['party/1.png', 'phone.heic', 'photo2.JPG', 'photo10.jpg'],
    unlabelled: [],
  });
});

it('lists the labelled photos, also missing ones, and names the photos that it leaves out', async () => {
  expect(await listPhotos(folder, labelled('photo10.jpg', 'party/1.png', 'gone.jpg'))).toEqual({
    names: ['gone.jpg', 'party/1.png', 'photo10.jpg'],
    unlabelled: ['phone.heic', 'photo2.JPG'],
  });
});

it('says that there is nothing to read', async () => {
  await expect(listPhotos(folder, labelled('gone.jpg'))).rejects.toMatchObject({ code: 'no-data' });
  await expect(listPhotos(join(folder, 'nowhere'), undefined)).rejects.toMatchObject({ code: 'no-data' });
  await expect(listPhotos(join(folder, 'index.html'), undefined)).rejects.toMatchObject({ code: 'no-data' });
});
