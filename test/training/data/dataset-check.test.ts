import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { checkDataset, formatReport } from '../../../src/training/data/dataset-check.ts';
import { readFer2013, SPLITS } from '../../../src/training/data/fer2013.ts';
import { votesFor } from '../../../src/training/data/votes.ts';
import { datasetSheet } from '../../../src/training/pictures/dataset-sheet.ts';
import { REAL_FER2013, REAL_VOTES } from '../../helpers/real-fer2013.ts';
import { type TinyRow, temporaryFolder, tinyRows, writeTinyFer2013 } from '../../helpers/tiny-fer2013.ts';

const HEADER = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
/** Votes on the rows of the seven labels: anger, neutral, tied, happiness, as many for contempt, most unknown, most no face. */
const TEN = [
  '0,0,0,1,6,0,0,3,0,0',
  '9,0,0,0,0,0,0,0,1,0',
  '4,4,0,0,0,0,0,2,0,0',
  '0,10,0,0,0,0,0,0,0,0',
  '0,0,5,0,0,0,0,5,0,0',
  '1,1,0,0,0,0,0,0,8,0',
  '0,0,0,0,0,0,0,0,0,10',
];
const twoEach = Array(7).fill(2);
const expected = { Training: twoEach, PublicTest: twoEach, PrivateTest: twoEach };

async function dataOf(rows: readonly TinyRow[], spoil?: (folder: string) => Promise<void>) {
  const folder = await temporaryFolder();
  await writeTinyFer2013(folder, rows);
  await spoil?.(folder);
  return readFer2013(folder);
}

/** Copies of row `from` in place of the face of row `to`. */
function withCopies(rows: readonly TinyRow[], copies: readonly [to: number, from: number][]): TinyRow[] {
  return rows.map((row, i) => {
    const copy = copies.find(([to]) => to === i);
    return copy ? { ...row, face: rows[copy[1]]!.face } : row;
  });
}

describe('checkDataset', () => {
  it('has nothing to say about a data set with the expected counts', async () => {
    const report = checkDataset(await dataOf(tinyRows(2, SPLITS)), expected);
    expect(report.problems).toEqual([]);
    expect(report.splits.PublicTest).toMatchObject({ images: 14, emotions: { disgust: 2 }, official: { images: 14 } });
    expect(report.duplicates).toEqual({ groups: 0, surplus: 0, conflicting: 0 });
    expect(report.original).toBe(false);
    expect(formatReport(report)).toContain('This is FER2013, whole.');
  });

  it('counts duplicates, conflicting labels, test rows that equal a Training row, and black images', async () => {
    // Rows 0..13 are Training, 14..27 PublicTest, 28..41 PrivateTest; row i has label i % 7.
    const rows = withCopies(tinyRows(2, SPLITS), [
      [7, 0], // same label
      [15, 1], // same label, PublicTest
      [30, 3], // other label, PrivateTest
      [31, 3], // same label, PrivateTest
    ]);
    rows[5] = { ...rows[5]!, face: new Uint8Array(FACE_PIXELS) };
    const report = checkDataset(await dataOf(rows), expected);
    expect(report.duplicates).toEqual({ groups: 3, surplus: 4, conflicting: 1 });
    expect(report.inTraining).toEqual({ PublicTest: 1, PrivateTest: 2 });
    // 42 rows in 15 chunks: chunk 1 holds rows 0 and 1, chunk 2 rows 2 to 4, chunk 3 rows 5 to 7.
    expect(report.black).toEqual(['fer2013_03.csv.gz:2']);
    expect(report.problems).toEqual([]);
    expect(formatReport(report)).toContain('4 surplus rows in 3 groups, 1 groups with conflicting labels');
  });

  it('says what people voted, where there are votes, and why a row does not count', async () => {
    const rows = tinyRows(2, SPLITS);
    // In the file's order: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, not a face.
    const lines = rows.map(({ split }, k) => `${split},,${TEN[k % 7]}`);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'fer2013new.csv'), [HEADER, ...lines].join('\n'));
    const data = await dataOf(rows);
    const votes = await votesFor(data, { directory: folder });
    const report = checkDataset(data, expected, votes);
    const emotions = { angry: 2, disgust: 0, fear: 0, happy: 2, sad: 0, surprise: 0, neutral: 2 };
    expect(report.votes!.PublicTest).toEqual({
      rows: 14,
      counting: { images: 6, emotions },
      leftOut: { tied: 2, contempt: 2, unknown: 2, 'not a face': 2 },
      // Rows of anger and of happiness are labelled so, those on which people agree on neutral are labelled disgust.
      likeLabel: 4 / 6,
    });
    expect(report.problems).toEqual([]);
    const text = formatReport(report);
    expect(text).toContain('Votes on PublicTest: people agree on 6 of 14 rows (angry 2, disgust 0, fear 0, happy 2,');
    expect(text).toContain('neutral 2); the label is the same on 66.7 % of them\n  left out: tied 2, contempt 2, unk');
    expect(formatReport(checkDataset(data, expected))).not.toContain('Votes');
    const wrong = checkDataset(data, expected, new UserError('bad-data', 'These are no votes.'));
    expect([wrong.votes, wrong.problems]).toEqual([undefined, ['These are no votes.']]);
  });

  it('names wrong counts, bad rows and missing chunks as problems', async () => {
    const data = await dataOf(tinyRows(2, SPLITS), async (folder) => {
      await unlink(join(folder, 'fer2013_01.csv.gz'));
      await writeFile(join(folder, 'fer2013_16.csv'), 'emotion,pixels,Usage\n9,1 2,Training\n');
    });
    const report = checkDataset(data, expected);
    expect(report.problems).toEqual([
      'Missing chunks: fer2013_01.',
      'Bad rows: 1, skipped when training.',
      'Training does not have the official counts: angry 1 instead of 2, disgust 1 instead of 2.',
    ]);
    const text = formatReport(report);
    expect(text).toContain('fer2013_16.csv:2: emotion is "9"');
    expect(text).toContain('Something is wrong:');
    expect(text).toContain('1 (2)');
  });
});

describe('datasetSheet', () => {
  it('is a picture with the faces at their places, the same for the same seed', async () => {
    const data = await dataOf(tinyRows(2, SPLITS));
    const sheet = await datasetSheet(data, 4);
    const { width, height, format } = await sharp(sheet).metadata();
    expect(format).toBe('png');
    expect(width).toBeGreaterThan(1200);
    expect(height).toBeGreaterThan(1000);
    expect(await datasetSheet(data, 4)).toEqual(sheet);
    // The first face of the first row is one of the two angry ones, every pixel twice as large.
    const { data: pixels, info } = await sharp(sheet)
      .extract({ left: 34 + 150, top: 90, width: 96, height: 96 })
      .grayscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(1);
    const small = Array.from({ length: FACE_PIXELS }, (_, p) => pixels[Math.floor(p / 48) * 2 * 96 + (p % 48) * 2]!);
    const { pixels: all } = data.sets.Training;
    const distances = [0, 7].map((i) =>
      Math.max(...small.map((gray, p) => Math.abs(gray - all[i * FACE_PIXELS + p]!))),
    );
    // One level of rounding on the way through a colour picture and back.
    expect(Math.min(...distances)).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(!REAL_FER2013)('the real FER2013 (skipped without LONG_TESTS=1 and ../shared/fer2013)', () => {
  it("passes the check as Kaggle's own", async () => {
    const report = checkDataset(await readFer2013(REAL_FER2013!));
    expect(report.problems).toEqual([]);
    expect(report.original).toBe(true);
    expect(report.duplicates).toEqual({ groups: 1516, surplus: 1853, conflicting: 57 });
    expect(report.inTraining).toEqual({ PublicTest: 280, PrivateTest: 288 });
    expect(report.black).toHaveLength(12);
  });

  it.skipIf(!REAL_VOTES)("has people agree on the faces that FER+'s votes say", async () => {
    const data = await readFer2013(REAL_FER2013!);
    const votes = await votesFor(data, { directory: REAL_FER2013!, file: REAL_VOTES });
    const { Training, PublicTest, PrivateTest } = checkDataset(data, undefined, votes).votes!;
    expect([Training, PublicTest, PrivateTest].map(({ counting }) => counting.images)).toEqual([26_778, 3_372, 3_350]);
    const emotions = { angry: 316, disgust: 22, fear: 92, happy: 909, sad: 424, surprise: 421, neutral: 1_166 };
    expect(PrivateTest.counting.emotions).toEqual(emotions);
  });
});
