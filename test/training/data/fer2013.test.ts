import { copyFile, mkdir, readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { EMOTIONS, FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { sameFace } from '../../../src/training/data/duplicates.ts';
import { faceAt, isBlack, selectFaces, whereIs, withoutBlack } from '../../../src/training/data/face-set.ts';
import { type Fer2013, readFer2013, SPLITS } from '../../../src/training/data/fer2013.ts';
import { findVotes } from '../../../src/training/data/votes-file.ts';
import {
  csvLine,
  csvText,
  type TinyRow,
  temporaryFolder,
  tinyRows,
  writeTinyFer2013,
} from '../../helpers/tiny-fer2013.ts';

/** The header that a Windows shortcut starts with ([MS-SHLLINK] 2.1). */
const SHORTCUT = Buffer.from('4c0000000114020000000000c000000000000046', 'hex');

/** How an Excel workbook begins: the header of its first file, and the file. */
const WORKBOOK = Buffer.concat([
  Buffer.from('PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0', 'latin1'),
  Buffer.alloc(12),
  Buffer.from('\x13\0\0\0[Content_Types].xml', 'latin1'),
  Buffer.alloc(300, 65),
]);
const rows = tinyRows(3, SPLITS); // 63 rows: 21 of each split

async function folderWith(files: Record<string, string | Buffer>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** The same rows as icml_face_data.csv has them: other column order, spaces after the commas of the header. */
const icmlText = (of: readonly TinyRow[]) =>
  ['emotion, Usage, pixels', ...of.map((row) => `${row.label},${row.split},${row.face.join(' ')}`)].join('\n');

/** An archive that holds one file. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(content.length, 11) + octal(0, 11), 100);
  header.write(`        0${'\0'.repeat(100)}ustar\x0000`, 148);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return Buffer.concat([header, content, Buffer.alloc(1024 + 512 - (content.length % 512))]);
}

async function expectAllRows(folder: string): Promise<Fer2013> {
  const data = await readFer2013(folder);
  const { sets, skipped } = data;
  expect(skipped).toEqual([]);
  for (const split of SPLITS) {
    const expected = rows.filter((row) => row.split === split);
    expect(sets[split].count).toBe(expected.length);
    expect([...sets[split].labels]).toEqual(expected.map((row) => row.label));
    expect(expected.every((row, i) => sameFace(faceAt(sets[split], i), row.face))).toBe(true);
  }
  return data;
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
    const own = await readFile(new URL('../../../data/real-photos.json', import.meta.url), 'utf8');
    const other = await folderWith({ 'README.md': 'hello', 'real-photos.json': own });
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
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 200, 300);
    await expect(readFer2013(await folderWith({ 'fer2013_01.csv.gz': damaged }))).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fer2013_01\.csv\.gz is damaged: copy it/),
    });
    const not = await folderWith({ 'fer2013_01.csv.gz': csvText(rows) });
    await expect(readFer2013(not)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fer2013_01\.csv\.gz is not gzipped: give it a name that ends in \.csv/),
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

  it('names what lies in the place of a missing chunk under another name', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    const chunk = (n: string) => join(folder, `fer2013_${n}.csv.gz`);
    await rename(chunk('02'), `${chunk('02')}.1`);
    await rename(chunk('03'), `${chunk('03')}.part`);
    await unlink(chunk('04'));
    await writeFile(join(folder, 'fer2013_04.txt'), csvText(rows));
    expect((await readFer2013(folder)).warnings).toEqual([
      'fer2013_02.csv.gz.1 was left out: it is gzipped: unpack it, or give it a name that ends in .csv.gz.',
      'fer2013_03.csv.gz.part was left out: its download is not finished: start it again.',
      'fer2013_04.txt was left out: it looks like FER2013: give it a name that ends in .csv.',
      expect.stringContaining('3 of 15 chunks missing (fer2013_02, fer2013_03, fer2013_04)'),
    ]);
  });

  it('names missing chunks after the chunks, not after a copy of one', async () => {
    const chunk = csvText(rows);
    const folder = await folderWith({
      'Copy of fer2013_01.csv': chunk,
      'fer2013_01.csv': chunk,
      'fer2013_01 (1).csv': chunk,
    });
    const { missingChunks } = await readFer2013(folder);
    expect([missingChunks.length, missingChunks[0]]).toEqual([14, 'fer2013_02']);
  });

  it('does not count rows twice: a whole file beside its chunks is left out', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
    await expectAllRows(folder);
    expect((await readFer2013(folder)).warnings).toEqual([expect.stringContaining('fer2013.csv was left out')]);
  });

  it('reads the same rows once, whatever their files are called, and warns', async () => {
    const third = csvText(rows.slice(8, 12));
    const cases: [extra: Record<string, string | Buffer>, warning: string][] = [
      [
        { 'icml_face_data.csv': icmlText(rows) },
        'icml_face_data.csv was left out: its rows are in fer2013_01.csv.gz, ',
      ],
      [{ 'a_backup.csv': icmlText(rows) }, 'a_backup.csv was left out: its rows are in fer2013_01.csv.gz, '],
      [{ 'fer2013_03 (1).csv': third }, 'fer2013_03 (1).csv was left out: its rows are in fer2013_03.csv.gz too'],
      [
        { 'Copy of fer2013_03.csv': third },
        'Copy of fer2013_03.csv was left out: its rows are in fer2013_03.csv.gz too',
      ],
      [{ 'fer2013_03.csv': third }, 'fer2013_03.csv.gz was left out: its rows are in fer2013_03.csv too'],
      // A download that broke off: its last row is a half one.
      [{ 'fer2013_03 (2).csv': third.slice(0, -500) }, 'fer2013_03 (2).csv was left out'],
      // In another order.
      [{ 'sorted.csv.gz': gzipSync(csvText([...rows].reverse())) }, 'sorted.csv.gz was left out'],
    ];
    for (const [extra, warning] of cases) {
      const folder = await temporaryFolder();
      await writeTinyFer2013(folder, rows, { chunks: 15 });
      for (const [name, content] of Object.entries(extra)) await writeFile(join(folder, name), content);
      const data = await expectAllRows(folder);
      expect(data.warnings).toEqual([expect.stringContaining(warning)]);
      expect([data.rows, data.files.length, data.missingChunks]).toEqual([63, 15, []]);
      expect([...data.sets.PublicTest.rows.index]).toEqual(Array.from({ length: 21 }, (_, i) => 21 + i));
    }
  });

  it('reads the longer one of two files that overlap, and what only the shorter one has', async () => {
    const folder = await folderWith({ 'a.csv': csvText(rows.slice(0, 40)), 'fer2013.csv': icmlText(rows) });
    await expectAllRows(folder);
    const { rows: count, warnings } = await readFer2013(folder, { splits: ['PrivateTest'] });
    expect([count, warnings]).toEqual([
      63,
      ['a.csv was left out: its rows are in fer2013.csv too, and are read once.'],
    ]);
    const parts = await folderWith({ 'a.csv': csvText(rows.slice(0, 50)), 'b.csv': csvText(rows.slice(30)) });
    expect((await expectAllRows(parts)).warnings).toEqual([
      'Of b.csv, 20 of 33 rows were left out: they are in a.csv too.',
    ]);
  });

  it('knows rows again whose numbers are written differently, of splits that are not asked for as well', async () => {
    const [header, ...lines] = csvText(rows).split('\n');
    const rewritten = lines.map((line) =>
      line
        .replace(/ (\d) /g, ' 00$1  ')
        .replace(/^(\d),(\d)/, '$1,  00$2')
        .replace(/,(?=[A-Z])/, ' ,'),
    );
    expect(rewritten[0]).not.toBe(lines[0]);
    const folder = await folderWith({
      'fer2013.csv': csvText(rows),
      'copy-of-it.csv': [header, ...rewritten].join('\n'),
    });
    for (const splits of [SPLITS, ['PublicTest'] as const]) {
      const { rows: count, warnings } = await readFer2013(folder, { splits: [...splits] });
      expect([count, warnings]).toEqual([
        63,
        ['copy-of-it.csv was left out: its rows are in fer2013.csv too, and are read once.'],
      ]);
    }
  });

  it('takes the whole file where one of its chunks is missing', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await unlink(join(folder, 'fer2013_07.csv.gz'));
    await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
    const { missingChunks, files, warnings } = await expectAllRows(folder);
    expect([missingChunks, files]).toEqual([[], ['fer2013.csv']]);
    expect(warnings).toEqual([expect.stringMatching(/^fer2013_01.* and 11 more files were left out: their rows/)]);
  });

  it('names the file that a copy was made of, even if other files hold some of its rows', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, [rows[8]!, rows[9]!, ...rows], { chunks: 5, gzip: false });
    await copyFile(join(folder, 'fer2013_01.csv'), join(folder, 'fer2013_01 (1).csv'));
    expect((await readFer2013(folder)).warnings).toEqual([
      'fer2013_01 (1).csv was left out: its rows are in fer2013_01.csv too, and are read once.',
      expect.stringContaining('10 of 15 chunks missing'),
    ]);
  });

  it("keeps FER2013's own repetitions", async () => {
    const twins = [...rows, rows[0]!, rows[1]!, rows[2]!];
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, twins, { chunks: 3, gzip: false });
    expect((await readFer2013(folder)).sets.Training.count).toBe(24);
  });

  it('reads rows once that one file holds twice, headers between them too, with the repetitions that the data itself has', async () => {
    const own = [...rows, rows[3]!, rows[5]!];
    const text = csvText(own);
    const body = text.slice(text.indexOf('\n') + 1);
    const warning = (times: string, repeated: number, all: number) =>
      `fer2013.csv holds its rows ${times}: ${repeated} of ${all} were left out.`;
    const cases: [content: string, warnings: string[]][] = [
      [text + body, [warning('more than once', 65, 130)]],
      [text + text, [warning('more than once', 65, 130)]],
      [text + text + text, [warning('more than once', 130, 195)]],
      // The chunks behind one another, each with its header.
      [csvText(own.slice(0, 40)) + csvText(own.slice(40)), []],
    ];
    for (const [content, warnings] of cases) {
      const data = await readFer2013(await folderWith({ 'fer2013.csv': content }));
      expect(data).toMatchObject({ rows: 65, skipped: [], warnings });
      expect([...data.sets.PrivateTest.rows.index].slice(-1)).toEqual([62]);
      expect(SPLITS.map((split) => data.sets[split].count)).toEqual([23, 21, 21]);
    }
    const beside = await readFer2013(await folderWith({ 'fer2013.csv': text, 'both.csv': text + text }));
    expect([beside.rows, beside.files, beside.warnings.length]).toEqual([65, ['both.csv'], 2]);
  });

  it('refuses two chunks of one number that hold different rows', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await writeFile(join(folder, 'fer2013_03.csv'), csvText(tinyRows(9).slice(50)));
    await expect(readFer2013(folder)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fer2013_03\.csv and fer2013_03\.csv\.gz hold different rows/),
    });
  });

  it('names a file that cannot be understood, what was found in it and what to do', async () => {
    const text = csvText(rows.slice(0, 3));
    const [, ...body] = text.split('\n');
    const csv = Buffer.from(text);
    const tar = tarOf('fer2013/fer2013.csv', csv);
    const cases: [content: string | Buffer, sentence: string, name?: string][] = [
      [text.replaceAll(',', ';'), 'its columns are separated by semicolons: save it with commas'],
      [text.replaceAll(',', '\t'), 'its columns are separated by tabs'],
      [`\uFEFF${text.replaceAll(',', ';').replaceAll('\n', '\r\n')}`, 'its columns are separated by semicolons'],
      [Buffer.from(`\uFEFF${text}`, 'utf16le'), 'it is in UTF-16: save it as UTF-8'],
      [Buffer.from(text, 'utf16le'), 'it is in UTF-16: save it as UTF-8'],
      [Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(), 'it is in UTF-16: save it as UTF-8'],
      [text.replaceAll('\n', '\r'), 'its lines end in CR alone: save it with LF or CRLF'],
      [tar, 'it is a tar archive: unpack it'],
      [gzipSync(tar), 'it is a tar archive: unpack it', 'fer2013.csv.gz'],
      [gzipSync(tar), 'it is a tar.gz archive: unpack it'],
      [Buffer.from('fd377a585a000004e6d6b446', 'hex'), 'it is an xz archive: unpack it', 'fer2013.csv.xz'],
      [gzipSync(text), 'it is gzipped: unpack it, or give it a name that ends in .csv.gz'],
      [body.join('\n'), 'it starts with a row and has no header: put the line emotion,pixels,Usage before it'],
      [icmlText(rows).split('\n').slice(1).join('\n'), 'put the line emotion,Usage,pixels before it'],
      [body.join('\n').replaceAll(',', ';'), 'put the line emotion;pixels;Usage before it, and commas between'],
      [body.map((line) => line.replace(/,[A-Z].*/, '')).join('\n'), 'has no header and does not say which split'],
      ['emotion,pixels\n0,1 2 3\n', 'its columns are "emotion, pixels", not emotion, pixels and Usage, as in Kaggle'],
      ['pixels\n1 2 3\n', "as in Kaggle's test.csv: take fer2013.tar.gz or icml_face_data.csv"],
      ['name,age\nAda,36\n', 'its columns are "name, age", not emotion, pixels and Usage'],
      ['<!DOCTYPE html>\n<title>Log in</title>', 'it is a web page, perhaps one that asks to log in'],
      ['version https://git-lfs.github.com/spec/v1\noid sha256:1', 'git lfs pull'],
      ['', 'it is empty: copy it again'],
      ['\n  \n', 'it is empty: copy it again'],
      [gzipSync(gzipSync(text)), 'it is gzipped twice: unpack it once', 'fer2013.csv.gz'],
      ['emotion,pixels,Usage\n', 'it has the header and no row'],
      [
        `emotion,pixels,Usage\n${body.join('\n').replaceAll(',', ';')}`,
        'none of its 3 rows can be read; line 2 has 1 col',
      ],
      ['Usage,Image name,neutral\n', "it holds FER+'s votes", 'votes.csv'],
      [tar, 'it is a tar archive: unpack it', 'fer2013.tar'],
      [gzipSync(tar), 'it is a tar archive: unpack it', 'fer2013.tar.gz'],
      [text, 'it looks like FER2013: give it a name that ends in .csv', 'fer2013.txt'],
      [text.replaceAll(',', '\t'), 'its columns are separated by tabs', 'fer2013.tsv'],
      [text.split('\n').slice(1).join('\n'), 'it starts with a row and has no header', 'fer2013.data'],
      [Buffer.from(text, 'utf16le'), 'it is in UTF-16: save it as UTF-8', 'fer2013.txt'],
      ['PAR1', 'it is a .parquet file: save its rows as a CSV', 'train.parquet'],
      [gzipSync(tar), 'it is a .npz file: save its rows as a CSV', 'fer2013.npz'],
      ['[{"emotion":0,"pixels":"1 2"}]', 'it is JSON: save its rows as a CSV', 'fer2013.json'],
      ['[\n{"emotion":0}\n]', 'it is JSON: save its rows as a CSV', 'fer2013.json'],
      ['[{"emotion":0}]', 'it is JSON: save its rows as a CSV'],
      [gzipSync(text), 'it looks like FER2013: give it a name that ends in .csv.gz', 'fer2013.gz'],
      [text, 'its download is not finished: start it again', 'fer2013.csv.crdownload'],
      [`sep=,\n${text}`, 'its first line is "sep=,", which is Excel\'s: take that line out'],
      ['\n\n<!-- saved from url=(0022)https://example.com/ -->\n<html></html>', 'it is a web page'],
      [WORKBOOK, 'it is an Excel workbook: save its rows as a CSV'],
      [Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), 'it is not text'],
      [Buffer.from('\x93\x01\x02 whatever\n', 'latin1'), 'it is not text'],
      ['%PDF-1.7\n%\xb5\n', 'it is a pdf file (application/pdf), not a CSV', 'fer2013.pdf'],
      [SHORTCUT, 'it is a shortcut to something elsewhere: copy that here instead', 'fer2013.csv.lnk'],
      ['[InternetShortcut]\nURL=https://example.com/\n', 'it is a shortcut to something elsewhere', 'fer2013.url'],
      ['path: fer2013\nnames: [angry, disgust]\n', 'it is text without a column of pixels', 'fer2013.yaml'],
      ['', 'it is empty: copy it again', 'fer2013.dat'],
    ];
    for (const [content, sentence, name = 'fer2013.csv'] of cases) {
      const folder = await folderWith({ [name]: content });
      const error = await readFer2013(folder).catch((thrown: unknown) => thrown);
      expect(error, sentence).toMatchObject({ code: 'bad-data', message: expect.stringContaining(`${name}: `) });
      expect((error as UserError).message).toContain(sentence);
      expect((error as UserError).message).not.toContain('No FER2013 data');
    }
  });

  it('names the folder further down that holds the file, and an empty line before the header does no harm', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'fer2013'));
    await writeFile(join(folder, 'fer2013', 'fer2013.csv'), `\n${csvText(rows)}`);
    await expect(readFer2013(folder)).rejects.toThrow(`it is a folder with fer2013.csv in it: name ${folder}/fer2013`);
    await expectAllRows(join(folder, 'fer2013'));
    await expect(readFer2013(join(folder, 'fer2013', 'fer2013.csv'))).rejects.toThrow('fer2013.csv is no folder: name');
  });

  it('names the file that may be the data rather than the files beside it', async () => {
    const folder = await folderWith({ 'paper.pdf': '%PDF-1.7\n', 'fer2013.txt': csvText(rows), 'README.md': 'Faces.' });
    const error = await readFer2013(folder).catch((thrown: unknown) => thrown);
    expect((error as UserError).message).toContain('fer2013.txt: it looks like FER2013');
    expect((error as UserError).message).not.toContain('paper.pdf');
  });

  it('never takes a folder for a file, nor a README for data', async () => {
    const folder = await folderWith({ 'README.md': 'FER2013: an emotion and 48x48 pixels, gray, each.' });
    await expect(readFer2013(folder)).rejects.toMatchObject({ code: 'no-data' });
    await mkdir(join(folder, 'fer2013.csv'));
    await expect(readFer2013(folder)).rejects.toThrow('fer2013.csv: it is a folder, not a file');
    await writeFile(join(folder, 'fer2013.csv', 'fer2013.csv'), csvText(rows));
    await expect(readFer2013(folder)).rejects.toThrow(`with fer2013.csv in it: name ${folder}/fer2013.csv`);
    await writeFile(join(folder, 'other.csv'), csvText(rows));
    await expectAllRows(folder);
  });

  it('says that folders of pictures, and votes without the faces, are no rows to train on', async () => {
    const folder = await temporaryFolder();
    for (const emotion of EMOTIONS) await mkdir(join(folder, 'train', emotion), { recursive: true });
    const votes = await folderWith({ 'fer2013new.csv': 'Usage,Image name,neutral\n' });
    const cases: [folder: string, sentence: string][] = [
      [folder, 'train: it is a folder of pictures, a folder an emotion: evaluate --faces reads these'],
      [join(folder, 'train'), 'it is a folder of pictures'],
      [votes, `${votes} can be read as FER2013. fer2013new.csv: it holds FER+'s votes alone, not the faces. Or get`],
    ];
    for (const [directory, sentence] of cases)
      await expect(readFer2013(directory)).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringContaining(sentence),
      });
  });

  it('names a folder, or a link to one, that lies in the place of a chunk, and one that lies there in vain', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, rows);
    await unlink(join(folder, 'fer2013_03.csv.gz'));
    await mkdir(join(folder, 'fer2013_03.csv'));
    await symlink(tmpdir(), join(folder, 'fer2013_04.csv'));
    await symlink(join(folder, 'nowhere'), join(folder, 'fer2013_05.csv'));
    expect((await readFer2013(folder)).warnings).toEqual([
      'fer2013_03.csv was left out: it is a folder, not a file: copy the file again.',
      'fer2013_04.csv was left out: it is a folder, not a file: copy the file again.',
      'fer2013_05.csv was left out: it is a link to something that is not there: copy the file itself.',
      expect.stringContaining('1 of 15 chunks missing (fer2013_03)'),
    ]);
    const links = await temporaryFolder();
    await symlink(tmpdir(), join(links, 'fer2013.csv'));
    await expect(readFer2013(links)).rejects.toThrow(
      'fer2013.csv: it is a folder, not a file: copy the file again. Or',
    );
  });

  it('says of votes that lie there twice which are read', async () => {
    const folder = await folderWith({ 'fer2013.csv': csvText(rows), 'fer2013new.csv': '', 'fer2013new.csv.gz': '' });
    expect((await readFer2013(folder)).warnings).toEqual([
      'fer2013new.csv.gz was left out: the votes are read from fer2013new.csv.',
    ]);
    expect(await findVotes(folder)).toBe(join(folder, 'fer2013new.csv'));
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
