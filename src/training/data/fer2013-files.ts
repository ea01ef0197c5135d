import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.ts';
import { byNumber, explainFile, fileTrouble } from '../../base/files.ts';
import { ALLOW_IT } from './lines.ts';
import { A_FOLDER, CSV, foundBeside } from './not-fer2013.ts';

/** The project keeps fer2013.csv in this many pieces (fer2013_01 to fer2013_15). */
export const CHUNKS = 15;

/** The name of chunk `n`, from 1, without its extension: fer2013_01 to fer2013_15 by default. */
export function chunkStem(n: number, base = 'fer2013'): string {
  return `${base}_${String(n).padStart(2, '0')}`;
}

/** Name of the published file of FER+'s votes. */
export const VOTES_FILE = 'fer2013new.csv';

/** Whether a file holds FER+'s votes, plain or gzipped: they lie beside the chunks and are read on their own. */
function isVotesFile(name: string): boolean {
  return [VOTES_FILE, `${VOTES_FILE}.gz`].includes(name.toLowerCase());
}

/** The files of votes among the names in a folder. The first one is read. */
export function votesAmong(names: readonly string[]): string[] {
  return names.filter(isVotesFile).sort((one, other) => one.length - other.length);
}

export const HOW_TO_SPLIT = 'Make the chunks with: npm run split-dataset -- fer2013.csv';

const howToGet = (get: 'Get' | 'get') =>
  `${get} fer2013.csv from Kaggle's "Challenges in Representation Learning: Facial Expression Recognition Challenge" (ICML 2013), ` +
  `then split it into the ${CHUNKS} chunks fer2013_01.csv.gz to fer2013_${CHUNKS}.csv.gz with: ` +
  'npm run split-dataset -- fer2013.csv';

function noData(directory: string): UserError {
  return new UserError('no-data', `No FER2013 data in ${directory}. ${howToGet('Get')}`);
}

/** @param found what was found in each file instead, a clause each */
export function notUnderstood(directory: string, found: readonly string[]): UserError {
  const more = found.length > MOST_NAMED ? ` There are ${found.length - MOST_NAMED} more files.` : '';
  const sentences = found.slice(0, MOST_NAMED).map((sentence) => `${sentence}.`);
  return new UserError(
    'bad-data',
    `Nothing in ${directory} can be read as FER2013. ${sentences.join(' ')}${more} Or ${howToGet('get')}`,
  );
}

/** Most files that are named where none can be understood. */
const MOST_NAMED = 4;

/**
 * Names of the folder's CSV files, in the order of the numbers in them, with a sentence for each entry whose name is like theirs but
 * that cannot be read: a folder, a link to nothing, or votes in a second form.
 */
export async function csvFiles(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly all: string[]; readonly warnings: string[] }> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown): never => {
    if (codeOf(error) === 'ENOTDIR')
      throw new UserError('bad-usage', `${directory} is no folder: name the one it lies in.`);
    if (fileTrouble(error) === 'missing') throw noData(directory);
    throw explainFile(error, { denied: ['not-allowed', `The folder ${directory} may not be read: ${ALLOW_IT}.`] });
  });
  const called = entries.filter(({ name }) => CSV.test(name) && !isVotesFile(name));
  const looked = await Promise.all(called.map(async (entry) => ({ entry, odd: await oddity(directory, entry) })));
  const odd = looked.flatMap(({ entry, odd }) => (odd === undefined ? [] : [{ entry, odd }]));
  const all = looked.flatMap(({ entry, odd }) => (odd === undefined ? [entry.name] : [])).sort(byNumber);
  const [read, ...twins] = votesAmong(entries.map(({ name }) => name));
  if (all.length === 0) {
    const alone = read === undefined ? [] : [`${read}: it holds FER+'s votes alone, not the faces`];
    // What a folder holds is described below.
    const links = odd
      .filter(({ entry }) => !entry.isDirectory())
      .map(({ entry, odd: what }) => `${entry.name}: ${what}`);
    const passOver = read === undefined ? [] : [read, ...twins];
    const beside = [...alone, ...links, ...(await foundBeside(directory, { passOver, signal }))];
    throw beside.length === 0 ? noData(directory) : notUnderstood(directory, beside);
  }
  const warnings = [
    ...odd.map(({ entry, odd: what }) => `${entry.name} was left out: ${what}.`).sort(byNumber),
    ...twins.map((name) => `${name} was left out: the votes are read from ${read}.`),
  ];
  return { all, warnings };
}

/** Why an entry of a folder is no file that can be read; undefined where it is one. */
async function oddity(directory: string, entry: Dirent): Promise<string | undefined> {
  // A link is what it leads to.
  const there = entry.isSymbolicLink() ? await stat(join(directory, entry.name)).catch(() => undefined) : entry;
  if (there === undefined) return 'it is a link to something that is not there: copy the file itself';
  if (there.isDirectory()) return A_FOLDER;
  return there.isFile() ? undefined : 'it is no ordinary file: copy the file itself';
}

const stem = (file: string) => file.replace(/\.csv(\.gz)?$/i, '');

/**
 * The number in a chunk's name: fer2013_07.csv.gz -> 7. The names that browsers and desktops give to copies are understood too.
 * Undefined if it is not one: fer_2013.csv is a whole file.
 */
export function chunkNumber(file: string): number | undefined {
  const digits = /_(\d{1,2})( ?\(\d+\)|[ -]+copy.*)?$/i.exec(stem(file))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Chooses which of a folder's CSV files to read. Where all chunks are there, the whole file that they were made from is left out:
 * otherwise 300 MB would be read only to find that its rows are the same.
 */
export function chooseFiles(all: readonly string[]): { files: string[]; warnings: string[] } {
  const numbered = all.filter((file) => chunkNumber(file) !== undefined);
  if (findMissingChunks(numbered).length > 0) return { files: [...all], warnings: [] };
  const bases = new Set(numbered.flatMap((file) => /^(.*)_\d+$/.exec(stem(file))?.[1] ?? []));
  const isWhole = (file: string) => bases.has(stem(file));
  return {
    files: all.filter((file) => !isWhole(file)),
    warnings: all.filter(isWhole).map((file) => `${file} was left out: the chunks made from it are beside it.`),
  };
}

/** @throws UserError 'bad-data' if two of the files have the same number or name, but do not hold the same rows */
export function refuseTwins(files: readonly string[]): void {
  const seen = new Map<number | string, string>();
  for (const file of files) {
    const one = chunkNumber(file) ?? stem(file);
    const twin = seen.get(one);
    if (twin)
      throw new UserError(
        'bad-data',
        `${twin} and ${file} hold different rows under one name: keep the right one of them.`,
      );
    seen.set(one, file);
  }
}

/** Which of the fifteen chunks are not among the files read: none if the data is not in numbered chunks. */
export function findMissingChunks(files: readonly string[]): string[] {
  const numbered = files.filter((file) => chunkNumber(file) !== undefined);
  if (numbered.length === 0) return [];
  const present = new Set(numbered.map((file) => chunkNumber(file)!));
  const last = Math.max(CHUNKS, ...present);
  // A copy's name is longer than the original's.
  const shortest = numbered.reduce((one, other) => (stem(other).length < stem(one).length ? other : one));
  const base = stem(shortest).replace(/_\d+$/, '');
  const missing: string[] = [];
  for (let n = 1; n <= last; n++) if (!present.has(n)) missing.push(chunkStem(n, base));
  return missing;
}
