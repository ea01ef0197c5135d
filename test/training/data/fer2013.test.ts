import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { EMOTIONS, FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { faceAt, isBlack, selectFaces, whereIs, withoutBlack } from '../../../src/training/data/face-set.ts';
import { readFer2013, SPLITS } from '../../../src/training/data/fer2013.ts';
import {
  csvLine,
  csvText,
  type TinyRow,
  temporaryFolder,
  tinyRows,
  writeTinyFer2013,
} from '../../helpers/tiny-fer2013.ts';

const rows = tinyRows(3, SPLITS); // 63 rows: 21 of each split

async function folderWith(files: Record<string, string | Buffer>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** The same rows as icml_face_data.csv has them: other column order, spaces after the commas of the header. */
const icmlText = (of: readonly TinyRow[]) =>
  ['emotion, Usage, pixels', ...of.map((row) => `${row.label},${row.split},${row.face.join(' ')}`)].join('\n');

async function expectAllRows(folder: string): Promise<void> {
  const { sets, skipped } = await readFer2013(folder);
  expect(skipped).toEqual([]);
  for (const split of SPLITS) {
    const expected = rows.filter((row) => row.split === split);
    expect(sets[split].count).toBe(expected.length);
    expect([...sets[split].labels]).toEqual(expected.map((row) => row.label));
    expected.forEach((row, i) => {
      expect(faceAt(sets[split], i)).toEqual(row.face);
    });
  }
}

describe('readFer2013', () => {
  it('reads fifteen gzipped chunks in the order of their numbers', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await expectAllRows(folder);
    const { files, missingChunks, warnings, sets } = await readFer2013(folder);
    expect(files).toHaveLength(15);
    expect(files.slice(0, 2)).toEqual(['fer2013_01.csv.gz', 'fer2013_02.csv.gz']);
    expect([missingChunks, warnings]).toEqual([[], []]);
    expect([...sets.PublicTest.rows.index]).toEqual(Array.from({ length: 21 }, (_, i) => 21 + i));
    // 63 rows in 15 chunks: chunk 1 holds rows 0..3, so row 5 is the second of chunk 2, under its header.
    expect(whereIs(sets.Training, 5)).toBe('fer2013_02.csv.gz:3');
  });

  it('reads plain chunks, and a whole file', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows, { gzip: false });
    await expectAllRows(folder);
    const whole = await folderWith({ 'fer_2013.csv': csvText(rows) });
    await expectAllRows(whole);
    expect((await readFer2013(whole)).missingChunks).toEqual([]);
  });

  it('reads the other published column order, with its spaces', async () => {
    await expectAllRows(await folderWith({ 'icml_face_data.csv': icmlText(rows) }));
  });

  it('takes CRLF, a byte order mark, quotes and a missing last line break', async () => {
    const quoted = rows.map((row) => `"${row.label}","${row.face.join(' ')}",${row.split}`);
    await expectAllRows(
      await folderWith({ 'a.csv': `\uFEFF${['emotion,"pixels",Usage', ...quoted].join('\r\n')}\r\n` }),
    );
    await expectAllRows(await folderWith({ 'a.csv': csvText(rows).trimEnd() }));
  });

  it('keeps only the splits asked for', async () => {
    const folder = await folderWith({ 'fer2013.csv': csvText(rows) });
    const { sets } = await readFer2013(folder, { splits: ['PrivateTest'] });
    expect(SPLITS.map((split) => sets[split].count)).toEqual([0, 0, 21]);
    expect(faceAt(sets.PrivateTest, 0)).toEqual(rows[42]!.face);
  });

  it('skips bad rows and names each by file, line and reason', async () => {
    const good = csvLine(rows[0]!);
    const face = rows[0]!.face.join(' ');
    const bad: [line: string, reason: RegExp][] = [
      [good.replace(/^0/, '7'), /emotion is "7"/],
      [good.replace(/^0/, 'happy'), /emotion is "happy"/],
      [good.replace(/^0/, ''), /emotion is ""/],
      [good.replace(/^0/, '-1'), /emotion is "-1"/],
      [`0,${face} 3,Training`, /2305 pixels instead of 2304/],
      [`0,${face.slice(0, face.lastIndexOf(' '))},Training`, /2303 pixels instead of 2304/],
      ['0,,Training', /0 pixels instead of 2304/],
      [`0,${face.replace(/^\d+/, '256')},Training`, /pixel 1 is "256"/],
      [`0,${face.replace(/^\d+/, '-1')},Training`, /pixel 1 is "-1"/],
      [`0,${face.replace(/^\d+ \d+/, '1 1.5')},Training`, /pixel 2 is "1.5"/],
      [`0,${face.replace(/^\d+/, 'x')},Training`, /pixel 1 is "x"/],
      [good.replace('Training', 'training'), /Usage is "training"/],
      [good.replace('Training', ''), /Usage is ""/],
      [`0,${face}`, /2 columns instead of 3/],
      [`${good},more`, /4 columns instead of 3/],
      [`0,${'1 '.repeat(200_000)},Training`, /columns|pixels/],
    ];
    const folder = await folderWith({
      'fer2013_01.csv': ['emotion,pixels,Usage', good, ...bad.map(([line]) => line), good, ''].join('\n'),
    });
    const { sets, skipped } = await readFer2013(folder);
    expect(sets.Training.count).toBe(2);
    expect([...sets.Training.rows.line]).toEqual([2, bad.length + 3]);
    expect(skipped.map(({ file, line }) => [file, line])).toEqual(bad.map((_, i) => ['fer2013_01.csv', i + 3]));
    bad.forEach(([, reason], i) => {
      expect(skipped[i]!.reason).toMatch(reason);
    });
  });

  it('says where fer2013.csv comes from if the folder is empty, missing, or holds nothing of the kind', async () => {
    const empty = await temporaryFolder();
    const other = await folderWith({ 'people.csv': 'name,age\nAda,36\n', 'notes.txt': 'hello' });
    for (const folder of [empty, other, join(empty, 'nowhere')]) {
      const error = await readFer2013(folder).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({ code: 'no-data' });
      expect((error as UserError).message).toContain('npm run split-dataset -- fer2013.csv');
      expect((error as UserError).message).toContain('Challenges in Representation Learning');
    }
  });

  it('names a .gz that is cut short or damaged', async () => {
    const whole = gzipSync(csvText(rows));
    const cut = await folderWith({ 'fer2013_01.csv.gz': whole.subarray(0, whole.length / 2) });
    await expect(readFer2013(cut)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fer2013_01\.csv\.gz is cut short/),
    });
    const not = await folderWith({ 'fer2013_01.csv.gz': csvText(rows) });
    await expect(readFer2013(not)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fer2013_01\.csv\.gz is damaged or not a gzip file/),
    });
  });

  it('skips the half row at the end of a plain chunk that is cut short', async () => {
    const text = csvText(rows.slice(0, 2));
    const { sets, skipped } = await readFer2013(await folderWith({ 'a.csv': text.slice(0, -3000) }));
    expect(sets.Training.count).toBe(1);
    expect(skipped).toMatchObject([{ file: 'a.csv', line: 3 }]);
  });

  it('warns of missing chunks by name', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await unlink(join(folder, 'fer2013_07.csv.gz'));
    await unlink(join(folder, 'fer2013_15.csv.gz'));
    const { missingChunks, warnings } = await readFer2013(folder);
    expect(missingChunks).toEqual(['fer2013_07', 'fer2013_15']);
    expect(warnings).toEqual([expect.stringContaining('2 of 15 chunks missing (fer2013_07, fer2013_15)')]);
  });

  it('does not count rows twice: a whole file beside its chunks is left out, a chunk in two forms is refused', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
    await expectAllRows(folder);
    expect((await readFer2013(folder)).warnings).toEqual([expect.stringContaining('fer2013.csv was left out')]);
    await writeFile(join(folder, 'fer2013_03.csv'), csvText(rows));
    await expect(readFer2013(folder)).rejects.toMatchObject({ code: 'bad-data' });
  });

  it('refuses a chunk without its header, and leaves out other CSV files with a warning', async () => {
    const headless = csvText(rows).split('\n').slice(1).join('\n');
    await expect(
      readFer2013(await folderWith({ 'fer2013_01.csv': csvText(rows), 'fer2013_02.csv': headless })),
    ).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('fer2013_02.csv') });

    const folder = await folderWith({ 'fer2013.csv': csvText(rows), 'test.csv': 'pixels\n1 2 3\n' });
    await expectAllRows(folder);
    expect((await readFer2013(folder)).warnings).toEqual([expect.stringContaining('test.csv was left out')]);
  });

  it('stops when its signal fires', async () => {
    const folder = await folderWith({ 'fer2013.csv': csvText(rows) });
    await expect(readFer2013(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('lies in shared memory, so that worker threads need no copy', async () => {
    const { sets } = await readFer2013(await folderWith({ 'fer2013.csv': csvText(rows) }));
    expect(sets.Training.pixels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(sets.Training.pixels.byteLength).toBe(21 * FACE_PIXELS);
  });
});

describe('selecting rows', () => {
  it('keeps pixels, labels and origins together', async () => {
    const black: TinyRow = { label: 6, split: 'Training', face: new Uint8Array(FACE_PIXELS) };
    const folder = await folderWith({ 'a.csv': csvText([rows[0]!, black, rows[2]!]) });
    const { Training } = (await readFer2013(folder)).sets;
    expect([0, 1, 2].map((i) => isBlack(Training, i))).toEqual([false, true, false]);
    const seen = withoutBlack(Training);
    expect([...seen.labels]).toEqual([0, 2]);
    expect(faceAt(seen, 1)).toEqual(rows[2]!.face);
    expect(whereIs(seen, 1)).toBe('a.csv:4');
    expect([...selectFaces(Training, [2, 0]).rows.index]).toEqual([2, 0]);
  });
});

describe('the tiny data set of the tests', () => {
  it('is written as it is read', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows, { chunks: 2, gzip: false });
    expect((await readFile(join(folder, 'fer2013_01.csv'), 'utf8')).split('\n')[0]).toBe('emotion,pixels,Usage');
    expect(new Set(rows.map((row) => row.label)).size).toBe(EMOTIONS.length);
  });
});
