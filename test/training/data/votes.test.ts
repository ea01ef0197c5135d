import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Reading } from '../../../src/emotion/classifier.ts';
import { EMOTIONS, toScores } from '../../../src/emotion/labels.ts';
import { judgeByVotes } from '../../../src/evaluation/evaluate.ts';
import { type Fer2013, readFer2013, SPLITS } from '../../../src/training/data/fer2013.ts';
import {
  agreedFaces,
  agreementWith,
  checkVotes,
  learningSets,
  personAgreement,
  votedFaces,
  votesFor,
  votesOf,
} from '../../../src/training/data/votes.ts';
import { findVotes, readVotes } from '../../../src/training/data/votes-file.ts';
import { csvText, temporaryFolder, tinyRows, tinySet, unreadable } from '../../helpers/tiny-fer2013.ts';

const HEADER = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
/** Seven rows a split, of the seven labels in turn. */
const rows = tinyRows(1, SPLITS);

/** Votes in the file's order: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, not a face. */
type Ten = readonly number[];
const HAPPY: Ten = [1, 7, 0, 0, 2, 0, 0, 0, 0, 0];
const TIED: Ten = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0];
const UNKNOWN: Ten = [1, 0, 0, 0, 3, 0, 0, 0, 6, 0];
const AS_MANY_UNKNOWN: Ten = [4, 1, 0, 0, 0, 1, 0, 0, 4, 0];
const NINE: Ten = [0, 0, 0, 0, 0, 0, 9, 0, 0, 0];
/** Of the seven rows of a split. */
const VOTES: readonly Ten[] = [HAPPY, TIED, UNKNOWN, AS_MANY_UNKNOWN, NINE, [2, 1, 1, 1, 1, 3, 1, 0, 0, 0], HAPPY];

const line = (split: string, k: number, ten: Ten) => `${split},fer${String(k).padStart(7, '0')}.png,${ten.join(',')}`;
const TEXT = `${[HEADER, ...rows.map(({ split }, k) => line(split, k, VOTES[k % 7]!))].join('\n')}\n`;

let data: Fer2013;
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
  await writeFile(join(folder, 'fer2013new.csv'), TEXT);
  data = await readFer2013(folder);
});

async function fileOf(text: string | Buffer): Promise<string> {
  const path = join(await temporaryFolder(), 'fer2013new.csv');
  await writeFile(path, text);
  return path;
}

describe('votes', () => {
  test('are read in the order of the emotions, with the other three behind', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    expect(votes.count).toBe(21);
    // angry, disgust, fear, happy, sad, surprise, neutral, contempt, unknown, not a face
    expect([...votesOf(votes, 0)]).toEqual([2, 0, 0, 7, 0, 0, 1, 0, 0, 0]);
    expect([...votesOf(votes, 2)]).toEqual([3, 0, 0, 0, 0, 0, 1, 0, 6, 0]);
    expect([...votes.split]).toEqual([0, 1, 2].flatMap((split) => Array(7).fill(split)));
  });

  test('are found beside the data, are no data themselves, and raise no warning', async () => {
    expect(await findVotes(folder)).toBe(join(folder, 'fer2013new.csv'));
    expect(data.files).toEqual(['fer2013.csv']);
    expect(data.warnings).toEqual([]);
    expect((await votesFor(data, { directory: folder })).count).toBe(21);
    const empty = await temporaryFolder();
    expect(await findVotes(empty)).toBeUndefined();
    // A file that cannot be read may hold votes.
    await expect(findVotes(await unreadable(join(empty, 'loop')))).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(votesFor(data, { directory: empty })).rejects.toMatchObject({
      code: 'no-data',
      message: `There is no fer2013new.csv in ${empty}: put it there, or name it with --votes FILE.`,
    });
  });

  test('a target is the share of the votes for the seven emotions; faces that most people take for something else are left out', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const { set, targets } = votedFaces(data.sets.Training, votes, 0);
    expect([...set.rows.index]).toEqual([0, 1, 3, 4, 5, 6]);
    const target = (k: number) => [...targets.subarray(k * 7, (k + 1) * 7)];
    const close = (share: number) => expect.closeTo(share, 6);
    expect(target(0)).toEqual([0.2, 0, 0, 0.7, 0, 0, 0.1].map(close));
    // Four of ten are 'unknown': the shares are of the other six.
    expect(target(2)).toEqual([0, 1 / 6, 0, 1 / 6, 0, 0, 4 / 6].map(close));
    for (let k = 0; k < set.count; k++) expect(target(k).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    // Row 1 is labelled disgust, and most voted for happy or neutral: the first of these in the order of the emotions.
    expect([...set.labels]).toEqual([3, 3, 6, 2, 1, 3]);
  });

  test("part of a target may be FER2013's own label, which also decides between votes that are tied", async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const { targets } = votedFaces(data.sets.Training, votes, 0.25);
    // Row 0 is labelled angry.
    expect(targets[0]).toBeCloseTo(0.75 * 0.2 + 0.25, 6);
    expect(targets[3]).toBeCloseTo(0.75 * 0.7, 6);
    const neutral = { ...data.sets.Training, labels: new Uint8Array(7).fill(6) };
    expect(votedFaces(neutral, votes, 0).set.labels[1]).toBe(6);
  });

  test('a plan learns from the label, the votes, or votes with a share of the label', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const sets = (labels: 'votes' | 'fer2013' | 'both') =>
      learningSets({ labels, labelWeight: 0.25 }, data.sets, votes);
    expect(sets('fer2013')).toEqual({ training: data.sets.Training, validation: data.sets.PublicTest });
    expect(sets('votes').targets).toEqual(votedFaces(data.sets.Training, votes, 0).targets);
    expect(sets('both').targets).toEqual(votedFaces(data.sets.Training, votes, 0.25).targets);
    expect([...sets('both').validation.labels]).toEqual([3, 2, 1, 3]);
    expect(() => learningSets({ labels: 'votes', labelWeight: 0 }, data.sets, undefined)).toThrow(
      /needs fer2013new.csv/,
    );
  });

  test('faces count where one emotion has more votes than each of the other nine columns', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const agreed = agreedFaces(data.sets.PublicTest, votes);
    expect([...agreed.rows.index]).toEqual([7, 11, 12, 13]);
    expect([...agreed.labels]).toEqual([3, 2, 1, 3]);
    expect(agreed.pixels.subarray(0, 100)).toEqual(data.sets.PublicTest.pixels.subarray(0, 100));
  });

  test('agreement is the share of the votes that answers have, and of pairs of people who say the same', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const agreed = agreedFaces(data.sets.Training, votes);
    expect(agreementWith(agreed, votes, [3, 2, 6, 0])).toBeCloseTo((0.7 + 1 + 0.2 + 0.2) / 4, 6);
    const happy = (1 * 0 + 7 * 6 + 2 * 1) / 90;
    const mixed = (2 * 1 + 3 * 2) / 90;
    expect(personAgreement(agreed, votes)).toBeCloseTo((happy + 1 + mixed + happy) / 4, 6);
  });

  test('readings of a whole set are judged on the faces that count', async () => {
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    const reading = (label: number): Reading => ({
      scores: toScores(Float32Array.from(EMOTIONS, (_, k) => (k === label ? 0.94 : 0.01))),
      emotion: EMOTIONS[label]!,
      confidence: 0.94,
    });
    // Of rows 0, 4, 5 and 6, which count, the last is read wrong.
    const judged = judgeByVotes([3, 0, 0, 0, 2, 1, 0].map(reading), data.sets.Training, votes);
    expect(judged).toMatchObject({ images: 4, accuracy: 0.75, confidence: { sureAccuracy: 0.75, unsure: 0 } });
    expect(judged.recall).toMatchObject({ happy: 0.5, fear: 1, disgust: 1 });
    expect(judged.agreement).toBeCloseTo((0.7 + 1 + 0.3 + 0.2) / 4, 6);
  });
});

describe('a wrong file of votes is refused', () => {
  test.each([
    ['no header', TEXT.replace(`${HEADER}\n`, ''), /:1 does not name the columns Usage, Image name, neutral,/],
    ['another order', TEXT.replace('neutral,happiness', 'happiness,neutral'), /:1 does not name the columns/],
    ['a column too few', TEXT.replace('1,7,0,0,2,0,0,0,0,0', '1,7,0,0,2,0,0,0,0'), /:2 has 11 columns, not 12/],
    ['another split', TEXT.replace('Training,fer0000001', 'Test,fer0000001'), /:3 has the Usage "Test", not one of/],
    ['words', TEXT.replace('1,7,0,0,2,0,0,0,0,0', '1,x,0,0,2,0,0,0,0,0'), /:2 has votes that are no whole numbers/],
    ['too many', TEXT.replace('1,7,0,0,2,0,0,0,0,0', '1,7,0,0,3,0,0,0,0,0'), /:2 has 11 votes, not 10/],
    ['too few', TEXT.replace('1,7,0,0,2,0,0,0,0,0', '1,7,0,0,0,0,0,0,0,0'), /:2 has 8 votes, not 10/],
    ['nothing', `${HEADER}\n`, /has no row of votes/],
  ])('%s', async (_, text, message) => {
    const file = await fileOf(text);
    await expect(readVotes(file)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(message),
    });
    await expect(readVotes(file)).rejects.toThrow(file);
  });

  test.each([
    ['semicolons', TEXT.replaceAll(',', ';'), /: its columns are separated by semicolons: save it with commas between/],
    ['UTF-16', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), /: it is in UTF-16: save it as UTF-8\. The file should be/],
    ['CR alone', TEXT.replaceAll('\n', '\r'), /: its lines end in CR alone: save it with LF or CRLF/],
    ['a web page', '\n<!DOCTYPE html>\n', /: it is a web page, perhaps one that asks to log in/],
    ['JSON', '[{"usage":"Training"}]\n', /: it is JSON: save its rows as a CSV\. The file/],
    ['no content', '\n\n', /: it is empty: copy it again/],
  ])('%s in the place of it is named', async (_, content, message) => {
    const file = await fileOf(content);
    await expect(readVotes(file)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) });
    await expect(readVotes(file)).rejects.toThrow(file);
  });

  test('an empty line before the header does no harm', async () => {
    expect(await readVotes(await fileOf(`\n${TEXT}`))).toMatchObject({ count: 21 });
  });

  test('one of other rows, of other splits, or beside chunks that are not all there', async () => {
    const fewer = await readVotes(await fileOf(TEXT.trim().split('\n').slice(0, -1).join('\n')));
    expect(() => checkVotes(fewer, data)).toThrow(/has 20 rows of votes for 21 rows of faces/);
    const moved = await readVotes(await fileOf(TEXT.replace('PublicTest,fer0000007', 'Training,fer0000007')));
    expect(() => checkVotes(moved, data)).toThrow(/says that row 8 is of Training, the data that it is of PublicTest/);
    const votes = await readVotes(join(folder, 'fer2013new.csv'));
    expect(() => checkVotes(votes, { ...data, missingChunks: ['fer2013_03'] })).toThrow(/needs the whole data set/);
    expect(() => checkVotes(votes, data)).not.toThrow();
  });
});

test('votes in another order than the faces are refused', async () => {
  const count = 1400;
  const set = tinySet(Array.from({ length: count }, (_, k) => ({ ...rows[0]!, label: k % 7 })));
  const none = tinySet([]);
  const faces = { sets: { Training: set, PublicTest: none, PrivateTest: none }, missingChunks: [], rows: count };
  // As in FER2013, the votes are for the label on two thirds of the rows.
  const votesBy = (order: (k: number) => number) => {
    const counts = new Uint8Array(count * 10);
    for (let k = 0; k < count; k++) counts[k * 10 + ((order(k) + (k % 3 === 0 ? 1 : 0)) % 7)] = 9;
    return { file: 'votes.csv', count, counts, split: new Uint8Array(count) };
  };
  expect(() =>
    checkVotes(
      votesBy((k) => k),
      faces,
    ),
  ).not.toThrow();
  expect(() =>
    checkVotes(
      votesBy((k) => Math.floor((k * 7) / count)),
      faces,
    ),
  ).toThrow(/votes\.csv are not in the order of the faces: .* on 14\.\d % of them only/);
});
