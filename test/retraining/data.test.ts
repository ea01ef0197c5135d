import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dataFolder, readCheckedData } from '../../src/retraining/data.ts';
import { csvText, temporaryFolder, tinyRows, unreadable, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

const signal = new AbortController().signal;

test('test rows that equal a Training row are reported, and left out of training where clean is asked for', async () => {
  const folder = await temporaryFolder();
  const rows = tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']);
  const twin = { ...rows[0]!, split: 'PrivateTest' as const };
  await writeTinyFer2013(folder, [...rows, twin]);
  const dirty = await readCheckedData(folder, { clean: false, signal });
  expect(dirty.sets.Training.count).toBe(14);
  expect(dirty.findings.join('\n')).toContain('0 of PublicTest, 1 of PrivateTest; clean:yes leaves them out');
  expect(dirty.findings).toContain(
    'This is not FER2013 as published: Training has 14 pictures instead of 28709, PublicTest has 14 pictures instead of ' +
      '3589, PrivateTest has 15 pictures instead of 3589.',
  );
  expect(dirty.findings[0]).toMatch(/^Training: 14 pictures \(angry 2, disgust 2, .*neutral 2\)\.$/);
  expect(dirty.findings.join('\n')).toContain('Duplicates: 1 rows, 0 groups with different labels. Black pictures: 0');
  const clean = await readCheckedData(folder, { clean: true, signal });
  expect(clean.sets.Training.count).toBe(13);
  expect(clean.sets.PrivateTest.count).toBe(15);
  expect(clean.findings.join('\n')).toContain('1 rows of Training left out for that');
});

test('rows that two files hold are read once, and the admins are told', async () => {
  const folder = await temporaryFolder();
  const rows = tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']);
  await writeTinyFer2013(folder, rows);
  await writeFile(join(folder, 'fer2013_03 (1).csv'), csvText(rows.slice(5, 8)));
  const { sets, findings } = await readCheckedData(folder, { clean: false, signal });
  expect(sets.Training.count).toBe(14);
  expect(findings).toContainEqual(expect.stringMatching(/^fer2013_03 \(1\)\.csv was left out: its rows are in .* too/));
});

test('a missing chunk is named, with what lies in its place', async () => {
  const folder = await temporaryFolder();
  await writeTinyFer2013(folder, tinyRows(1, ['Training', 'PublicTest', 'PrivateTest']));
  const [third, fifth] = ['03', '05'].map((n) => join(folder, `fer2013_${n}.csv.gz`));
  await rename(third!, `${third}.crdownload`);
  await rm(fifth!);
  await expect(readCheckedData(folder, { clean: false, signal })).rejects.toThrow(
    'chunks fer2013_03, fer2013_05 are missing. fer2013_03.csv.gz.crdownload was left out: its download is not finished: start it again. Put them there',
  );
});

test('a split or an emotion without a picture is named', async () => {
  const [split, emotion] = [await temporaryFolder(), await temporaryFolder()];
  await writeTinyFer2013(split, tinyRows(1, ['Training', 'PublicTest']));
  await expect(readCheckedData(split, { clean: false, signal })).rejects.toThrow('no picture of PrivateTest');
  const rows = tinyRows(3, ['Training', 'PublicTest', 'PrivateTest']).filter(
    ({ label, split: of }) => of !== 'Training' || label !== 1,
  );
  await writeTinyFer2013(emotion, rows);
  await expect(readCheckedData(emotion, { clean: false, signal })).rejects.toThrow(
    'Training has no picture of disgust',
  );
});

test('a DATA_DIR that is missing or unreadable is not reported as a folder without data', async () => {
  const folder = await temporaryFolder();
  await expect(dataFolder(folder, { data: 'none' })).rejects.toMatchObject({ code: 'not-found' });
  await expect(dataFolder(join(folder, 'nowhere'), { data: 'none' })).rejects.toMatchObject({
    code: 'no-data',
    message: 'DATA_DIR cannot be read: it is not there, or its folder is no folder.',
  });
  await unreadable(join(folder, 'loop'));
  await expect(dataFolder(folder, { data: 'loop' })).rejects.toMatchObject({ code: 'ELOOP' });
});
