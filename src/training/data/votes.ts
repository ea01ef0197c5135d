import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { type FaceSet, selectFaces } from './face-set.ts';
import type { Fer2013 } from './fer2013.ts';
import { columnNames, SPLITS, type Split } from './fer2013-row.ts';
import { readLines } from './lines.ts';

/** Name of the votes' file, as FER+ publishes it; it is looked for beside the chunks. */
export const VOTES_FILE = 'fer2013new.csv';

/** The ten columns of votes, in the file's order: the seven emotions in FER+'s words, then what is none of them. */
const COLUMNS = [
  'neutral',
  'happiness',
  'surprise',
  'sadness',
  'anger',
  'disgust',
  'fear',
  'contempt',
  'unknown',
  'nf',
] as const;

/** The column that holds the votes for each emotion, in the order of EMOTIONS. */
const COLUMN_OF = ['anger', 'disgust', 'fear', 'happiness', 'sadness', 'surprise', 'neutral'] as const;

/** Columns of the file before the votes: Usage and the image's name. */
const BEFORE = 2;

/** Votes a row has. One row of FER+ has nine. */
const FEWEST_VOTES = 9;
const MOST_VOTES = 10;

/** What people said of each row of FER2013 (Barsoum et al. 2016, arXiv 1608.01041). */
export interface Votes {
  readonly file: string;
  readonly count: number;
  /** count * 7 numbers of votes, in the order of EMOTIONS. */
  readonly emotions: Uint8Array;
  /** count numbers: the votes of the row's strongest column that is no emotion (contempt, unknown, not a face). */
  readonly strongestOther: Uint8Array;
  /** count numbers: all votes of the row. */
  readonly total: Uint8Array;
  /** The split that the file says each row belongs to, as an index into SPLITS. */
  readonly split: Uint8Array;
}

/** A set of faces with what people say of them. Labels are the emotion with the most votes. */
export interface VotedFaces {
  readonly set: FaceSet;
  /** set.count * 7 numbers that sum to 1 a face: the target to learn. */
  readonly targets: Float32Array;
}

/** The votes' file beside the chunks, or undefined where there is none. */
export async function findVotes(directory: string): Promise<string | undefined> {
  const names = await readdir(directory).catch(() => [] as string[]);
  const name = names.find((one) => one.toLowerCase() === VOTES_FILE || one.toLowerCase() === `${VOTES_FILE}.gz`);
  return name && join(directory, name);
}

/**
 * Reads FER+'s votes, row by row.
 * @throws UserError 'bad-data' that names the file, the line and what is wrong with it
 */
export async function readVotes(file: string, signal?: AbortSignal): Promise<Votes> {
  const emotions: number[] = [];
  const strongestOther: number[] = [];
  const total: number[] = [];
  const split: number[] = [];
  const refuse = (line: number, reason: string): never => {
    throw new UserError('bad-data', `${file}:${line} ${reason}. The file should be FER+'s ${VOTES_FILE}.`);
  };
  for await (const { bytes, number } of readLines(file, signal)) {
    if (number === 1) {
      const names = columnNames(bytes).map((name) => name.toLowerCase());
      if (names[0] !== 'usage' || COLUMNS.some((name, k) => names[BEFORE + k] !== name))
        refuse(number, `does not name the columns Usage, Image name, ${COLUMNS.join(', ')}`);
      continue;
    }
    const fields = bytes.toString('latin1').split(',');
    if (fields.length === 1 && fields[0]!.trim() === '') continue;
    if (fields.length !== BEFORE + COLUMNS.length)
      refuse(number, `has ${fields.length} columns, not ${BEFORE + COLUMNS.length}`);
    const usage = SPLITS.indexOf(fields[0]!.trim() as Split);
    if (usage < 0) refuse(number, `has the Usage ${JSON.stringify(fields[0])}, not one of ${SPLITS.join(', ')}`);
    const votes = fields.slice(BEFORE).map((field) => (/^\s*\d{1,2}\s*$/.test(field) ? Number(field) : Number.NaN));
    const sum = votes.reduce((a, b) => a + b, 0);
    if (!(sum >= FEWEST_VOTES && sum <= MOST_VOTES))
      refuse(number, Number.isNaN(sum) ? 'has votes that are no whole numbers' : `has ${sum} votes, not ${MOST_VOTES}`);
    for (const name of COLUMN_OF) emotions.push(votes[COLUMNS.indexOf(name)]!);
    strongestOther.push(Math.max(...votes.slice(EMOTIONS.length)));
    total.push(sum);
    split.push(usage);
  }
  if (split.length === 0) refuse(1, 'has no row of votes');
  return {
    file,
    count: split.length,
    emotions: Uint8Array.from(emotions),
    strongestOther: Uint8Array.from(strongestOther),
    total: Uint8Array.from(total),
    split: Uint8Array.from(split),
  };
}

/**
 * Checks that votes belong to a data set: as many rows, and of the same splits.
 * @throws UserError 'bad-data' where they do not
 */
export function checkVotes(votes: Votes, data: Pick<Fer2013, 'sets' | 'missingChunks' | 'rows'>): void {
  if (data.missingChunks.length > 0)
    throw new UserError(
      'bad-data',
      `Votes are matched by row, so ${votes.file} needs the whole data set: ${data.missingChunks.join(', ')} missing.`,
    );
  if (votes.count !== data.rows)
    throw new UserError('bad-data', `${votes.file} has ${votes.count} rows of votes for ${data.rows} rows of faces.`);
  for (const [k, split] of SPLITS.entries()) {
    const wrong = data.sets[split].rows.index.find((row) => votes.split[row] !== k);
    if (wrong !== undefined)
      throw new UserError(
        'bad-data',
        `${votes.file} says that row ${wrong + 1} is of ${SPLITS[votes.split[wrong]!]}, the data that it is of ${split}.`,
      );
  }
}

/** The votes of one row of the data set for the seven emotions, in the order of EMOTIONS. */
export function votesOf(votes: Votes, row: number): Uint8Array {
  return votes.emotions.subarray(row * EMOTIONS.length, (row + 1) * EMOTIONS.length);
}

/** Indexes of the largest of seven numbers: several where votes are tied. */
function winners(seven: Uint8Array): number[] {
  const most = Math.max(...seven);
  return EMOTIONS.map((_, k) => k).filter((k) => seven[k] === most);
}

/**
 * The faces to judge by: those on which one emotion has more votes than each of the other nine columns. Their labels are
 * that emotion.
 */
export function agreedFaces(set: FaceSet, votes: Votes): FaceSet {
  const kept: number[] = [];
  const labels: number[] = [];
  for (let k = 0; k < set.count; k++) {
    const row = set.rows.index[k]!;
    const [winner, second] = winners(votesOf(votes, row));
    if (second !== undefined || votesOf(votes, row)[winner!]! <= votes.strongestOther[row]!) continue;
    kept.push(k);
    labels.push(winner!);
  }
  return relabelled(set, kept, labels);
}

/**
 * The faces to learn from, with their targets: the distribution of the votes over the seven emotions, and `labelWeight` of
 * FER2013's own label. Left out are rows on which contempt, 'unknown' or 'not a face' has more votes than any of the seven.
 * @param labelWeight 0..1: 0 for the votes alone
 */
export function votedFaces(set: FaceSet, votes: Votes, labelWeight: number): VotedFaces {
  const kept: number[] = [];
  const labels: number[] = [];
  const targets: number[] = [];
  for (let k = 0; k < set.count; k++) {
    const row = set.rows.index[k]!;
    const seven = votesOf(votes, row);
    const best = winners(seven);
    if (seven[best[0]!]! < votes.strongestOther[row]!) continue;
    const own = set.labels[k]!;
    const sum = seven.reduce((a, b) => a + b, 0);
    kept.push(k);
    labels.push(best.includes(own) ? own : best[0]!);
    for (let c = 0; c < EMOTIONS.length; c++)
      targets.push(((1 - labelWeight) * seven[c]!) / sum + (c === own ? labelWeight : 0));
  }
  return { set: relabelled(set, kept, labels), targets: Float32Array.from(targets) };
}

function relabelled(set: FaceSet, kept: readonly number[], labels: readonly number[]): FaceSet {
  const chosen = selectFaces(set, kept);
  chosen.labels.set(labels);
  return chosen;
}
