import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { entriesOf } from '../../base/files.ts';
import { VOTES_FILE, votesAmong } from './fer2013-files.ts';
import { columnNames, SPLITS, type Split } from './fer2013-row.ts';
import { readLines } from './lines.ts';
import { wrongForm } from './not-fer2013.ts';

/** The ten columns of votes, in the file's order: the seven emotions in FER+'s words, then the other choices. */
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

/** The same columns in the order in which they are stored: the emotions as in EMOTIONS, then the others. */
export const KEPT = [
  'anger',
  'disgust',
  'fear',
  'happiness',
  'sadness',
  'surprise',
  'neutral',
  'contempt',
  'unknown',
  'nf',
] as const satisfies readonly (typeof COLUMNS)[number][];

/** Columns of the file before the votes: Usage and the image's name. */
const BEFORE = 2;

/** Votes a row has. One row of FER+ has nine. */
const FEWEST_VOTES = 9;
const MOST_VOTES = 10;

/** People's votes on each row of FER2013 (Barsoum et al. 2016, arXiv 1608.01041). */
export interface Votes {
  readonly file: string;
  readonly count: number;
  /** count * 10 numbers of votes: the seven emotions in the order of EMOTIONS, then contempt, unknown, not a face. */
  readonly counts: Uint8Array;
  /** The split that the file says each row belongs to, as an index into SPLITS. */
  readonly split: Uint8Array;
}

/** The votes' file beside the chunks, or undefined where there is none. */
export async function findVotes(directory: string): Promise<string | undefined> {
  const [name] = votesAmong(await entriesOf(directory));
  return name && join(directory, name);
}

/**
 * Reads FER+'s votes, row by row.
 * @throws UserError 'bad-data' that names the file, the line and what is wrong with it
 */
export async function readVotes(file: string, signal?: AbortSignal): Promise<Votes> {
  const counts: number[] = [];
  const split: number[] = [];
  const refuse = (line: number, reason: string): never => {
    throw new UserError('bad-data', `${file}:${line} ${reason}. The file should be FER+'s ${VOTES_FILE}.`);
  };
  let hasHeader = false;
  for await (const { bytes, number } of readLines(file, signal)) {
    if (bytes.toString().trim() === '') continue;
    if (!hasHeader) {
      const names = columnNames(bytes).map((name) => name.toLowerCase());
      hasHeader = names[0] === 'usage' && COLUMNS.every((name, k) => names[BEFORE + k] === name);
      if (hasHeader) continue;
      await refuseForm(file, bytes);
      refuse(number, `does not name the columns Usage, Image name, ${COLUMNS.join(', ')}`);
    }
    const fields = bytes.toString('latin1').split(',');
    if (fields.length !== BEFORE + COLUMNS.length)
      refuse(number, `has ${fields.length} columns, not ${BEFORE + COLUMNS.length}`);
    const usage = SPLITS.indexOf(fields[0]!.trim() as Split);
    if (usage < 0) refuse(number, `has the Usage ${JSON.stringify(fields[0])}, not one of ${SPLITS.join(', ')}`);
    const votes = fields.slice(BEFORE).map((field) => (/^\s*\d{1,2}\s*$/.test(field) ? Number(field) : Number.NaN));
    const sum = votes.reduce((a, b) => a + b, 0);
    if (!(sum >= FEWEST_VOTES && sum <= MOST_VOTES))
      refuse(number, Number.isNaN(sum) ? 'has votes that are no whole numbers' : `has ${sum} votes, not ${MOST_VOTES}`);
    for (const name of KEPT) counts.push(votes[COLUMNS.indexOf(name)]!);
    split.push(usage);
  }
  if (!hasHeader) await refuseForm(file, undefined);
  if (split.length === 0) refuse(1, 'has no row of votes');
  return { file, count: split.length, counts: Uint8Array.from(counts), split: Uint8Array.from(split) };
}

/** @throws UserError 'bad-data' where the file is no table, or one in another form */
async function refuseForm(file: string, line: Buffer | undefined): Promise<void> {
  const found = await wrongForm(line);
  if (found !== undefined)
    throw new UserError('bad-data', `${file}: ${found}. The file should be FER+'s ${VOTES_FILE}.`);
}
