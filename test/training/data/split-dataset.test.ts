import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readFer2013, SPLITS } from '../../../src/training/data/fer2013.ts';
import { OFFICIAL_COUNTS, total } from '../../../src/training/data/fer2013-row.ts';
import { splitFer2013 } from '../../../src/training/data/split-dataset.ts';
import { csvText, temporaryFolder, tinyRows } from '../../helpers/tiny-fer2013.ts';

const rows = tinyRows(2, SPLITS); // 14 of each split, 42 in all
const text = csvText(rows);
const expected = { Training: Array(7).fill(2), PublicTest: Array(7).fill(2), PrivateTest: Array(7).fill(2) };

async function fileWith(content: string | Buffer, name = 'fer2013.csv'): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

/** The message with which a file is refused. Nothing may have been left behind. */
async function refusal(content: string | Buffer, name?: string): Promise<string> {
  const out = await temporaryFolder();
  const error = await splitFer2013(await fileWith(content, name), out, { expected }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'bad-data' });
  expect(await readdir(out)).toEqual([]);
  return (error as Error).message;
}

describe('splitFer2013', () => {
  it('cuts a file into fifteen equal chunks, each with the header, which give the file again when joined', async () => {
    const out = await temporaryFolder();
    const names = await splitFer2013(await fileWith(text), out, { expected });
    expect(names).toHaveLength(15);
    expect((await readdir(out)).sort()).toEqual(names);
    expect(names[14]).toBe('fer2013_15.csv.gz');
    const chunks = await Promise.all(names.map(async (name) => gunzipSync(await readFile(join(out, name))).toString()));
    const bodies = chunks.map((chunk) => chunk.slice('emotion,pixels,Usage\n'.length));
    expect(chunks.every((chunk) => chunk.startsWith('emotion,pixels,Usage\n'))).toBe(true);
    expect(`emotion,pixels,Usage\n${bodies.join('')}`).toBe(text);
    const counts = bodies.map((body) => body.split('\n').length - 1);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect((await readFer2013(out)).sets.PrivateTest.count).toBe(14);
  });

  it('takes the other column order, a gzipped file and CRLF', async () => {
    const icml = ['emotion, Usage, pixels', ...rows.map((r) => `${r.label},${r.split},${r.face.join(' ')}`)].join(
      '\r\n',
    );
    const out = await temporaryFolder();
    await splitFer2013(await fileWith(gzipSync(icml), 'icml_face_data.csv.gz'), out, { expected, gzip: false });
    expect((await readFile(join(out, 'fer2013_02.csv'), 'utf8')).split('\n')[0]).toBe('emotion, Usage, pixels');
    expect((await readFer2013(out)).sets.Training.pixels).toEqual(
      (await readFer2013(join(await fileWith(text), '..'))).sets.Training.pixels,
    );
  });

  it('keeps the chunks that are there where a folder has the name of one', async () => {
    const [out, file] = [await temporaryFolder(), await fileWith(text)];
    const names = await splitFer2013(file, out, { expected });
    for (const taken of ['fer2013_15.csv', 'fer2013_04.csv']) {
      await mkdir(join(out, taken));
      const error = await splitFer2013(file, out, { expected, force: true }).catch((thrown: unknown) => thrown);
      expect(await readdir(out)).toEqual(expect.arrayContaining(names));
      expect(error).toMatchObject({
        code: 'bad-usage',
        message: `${join(out, taken)} is a folder: take it away first.`,
      });
      await rmdir(join(out, taken));
    }
    await splitFer2013(file, out, { expected, force: true, gzip: false });
    expect((await readdir(out)).sort()).toEqual(names.map((name) => name.replace('.gz', '')));
  });

  it("has the official chunks' boundaries for FER2013's number of rows", () => {
    const n = SPLITS.reduce((sum, split) => sum + total(OFFICIAL_COUNTS[split]), 0);
    expect(n).toBe(35_887);
    const starts = Array.from({ length: 15 }, (_, c) => Math.round((c * n) / 15));
    expect(starts.slice(0, 5)).toEqual([0, 2392, 4785, 7177, 9570]);
  });

  it('refuses what is not FER2013 and says why', async () => {
    const lines = text.trimEnd().split('\n');
    expect(await refusal('')).toContain('it is empty');
    expect(await refusal('emotion,pixels\n0,1 2 3\n', 'train.csv')).toContain(
      'train.csv is not FER2013: its columns are "emotion, pixels"',
    );
    expect(await refusal(gzipSync(gzipSync(text)), 'fer2013.csv.gz')).toContain('it is gzipped twice: unpack it once');
    expect(await refusal(Buffer.from(`fer2013.csv${'\0'.repeat(600)}`), 'fer2013.tar')).toContain('unpack it');
    expect(await refusal(`\n${lines.slice(0, -1).join('\n')}`)).toContain('it has 41 rows instead of 42');
    expect(await refusal(`${text}${lines.at(-1)}\n`)).toContain('it has 43 rows instead of 42');
    expect(await refusal(text.replace(/^0,\d+ /m, '0,'))).toMatch(/line 2: has 2303 pixels instead of 2304/);
    expect(await refusal(text.replace(/^1,/m, '8,'))).toMatch(/line 3: emotion is "8"/);
    expect(await refusal(text.replace(/,Training$/m, ',Test'))).toMatch(/line 2: Usage is "Test"/);
    expect(await refusal(text.replace(/,Training$/m, ',PublicTest'))).toContain('Training has 13 rows instead of 14');
    expect(await refusal(text.replace(/^1,/m, '2,'))).toContain(
      'Training has 1 rows of emotion 1 (disgust) instead of 2',
    );
    expect(await refusal(gzipSync(text).subarray(0, 5000), 'fer2013.csv.gz')).toContain('cut short');
  });

  it('replaces chunks, of either form, only if told to', async () => {
    const out = await temporaryFolder();
    const file = await fileWith(text);
    await splitFer2013(file, out, { expected, gzip: false });
    await expect(splitFer2013(file, out, { expected })).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('--force'),
    });
    expect(await readdir(out)).toContain('fer2013_01.csv');
    await splitFer2013(file, out, { expected, force: true });
    expect(await readdir(out)).not.toContain('fer2013_01.csv');
    expect((await readFer2013(out)).sets.Training.count).toBe(14);
  });

  it('keeps the old chunks if the new file is refused', async () => {
    const out = await temporaryFolder();
    await splitFer2013(await fileWith(text), out, { expected });
    await expect(splitFer2013(await fileWith('a,b\n'), out, { expected, force: true })).rejects.toThrow('not FER2013');
    expect((await readFer2013(out)).sets.Training.count).toBe(14);
    expect((await readdir(out)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('says so if there is no such file', async () => {
    const out = await temporaryFolder();
    await expect(splitFer2013(join(out, 'nothing.csv'), out)).rejects.toMatchObject({ code: 'not-found' });
    await expect(splitFer2013(out, out)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('leaves nothing behind when interrupted', async () => {
    const out = await temporaryFolder();
    const stop = new AbortController();
    const splitting = splitFer2013(await fileWith(text), out, {
      expected,
      signal: stop.signal,
      onChunk: (name) => name === 'fer2013_03.csv.gz' && stop.abort(),
    });
    await expect(splitting).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(out)).toEqual([]);
  });
});
