import { hash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.ts';
import { explainFile, fileTrouble } from '../../base/files.ts';
import { FACE_PIXELS } from '../../emotion/labels.ts';
import type { FaceSet } from './face-set.ts';
import { type Columns, type ParsedRow, parseHeader, parseRow, SPLITS, type Split } from './fer2013-row.ts';
import { readLines } from './lines.ts';
import { foundBeside, foundInstead } from './not-fer2013.ts';
import { findRepeats } from './same-rows.ts';

export { SPLITS, type Split } from './fer2013-row.ts';

/** The project keeps fer2013.csv in this many pieces (fer2013_01 to fer2013_15). */
export const CHUNKS = 15;

/** A row that was left out: 1-based line of the file and what is wrong with it. */
export interface SkippedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** FER2013 as read from a folder. */
export interface Fer2013 {
  /** The rows of each split, in file order; a split that was not asked for is empty. */
  readonly sets: Readonly<Record<Split, FaceSet>>;
  /** Bad rows, in file order. Pixels of splits that were not asked for are not looked at. */
  readonly skipped: readonly SkippedRow[];
  /** Rows of all splits, bad ones included, those left out since another file holds them not. */
  readonly rows: number;
  /** Names of the files whose rows these are, in order. */
  readonly files: readonly string[];
  /** Names of the chunks of the fifteen that are not there (without extension); empty if the data is not in chunks. */
  readonly missingChunks: readonly string[];
  /** Sentences for the person: missing chunks, files that were left out and why. Show them; they do not stop a training. */
  readonly warnings: readonly string[];
}

export interface ReadOptions {
  /** Splits to keep (all three unless told); the pixels of others are not parsed, which is faster. */
  readonly splits?: readonly Split[];
  readonly signal?: AbortSignal;
}

/**
 * Reads every FER2013 file (`*.csv`, `*.csv.gz`) of a folder as a stream, in the order of their numbers: usually fer2013_01
 * to fer2013_15, each with the header. Both published column orders are understood. A bad row is skipped and named in
 * `skipped`; rows that several files hold are read once. The sets lie in shared memory.
 * @throws UserError 'no-data' if the folder has no such file; 'bad-data' if none can be understood, or a chunk is cut short,
 *   damaged, has no header, or is there twice with different rows; AbortError if the signal fires.
 */
export async function readFer2013(directory: string, options: ReadOptions = {}): Promise<Fer2013> {
  const { files, warnings } = chooseFiles(await csvFiles(directory, options.signal));
  const wanted = new Set(options.splits ?? SPLITS);
  const bad: (SkippedRow & { readonly index: number })[] = [];
  const read: { readonly name: string; readonly keys: string[] }[] = [];
  const refused: { readonly file: string; readonly found: string }[] = [];
  const names: string[] = [];
  const collectors = Object.fromEntries(SPLITS.map((split) => [split, new RowCollector(names)])) as Record<
    Split,
    RowCollector
  >;
  const row = new Uint8Array(FACE_PIXELS);
  let index = 0;

  for (const file of files) {
    let columns: Columns | undefined;
    let first: Buffer | undefined;
    const keys: string[] = [];
    for await (const { bytes, number } of readLines(join(directory, file), options.signal)) {
      if (bytes.length === 0) continue;
      if (!columns) {
        first = bytes;
        columns = parseHeader(bytes);
        if (!columns) break;
        names.push(file);
        continue;
      }
      const parsed = parseRow(bytes, columns, wanted, row, 0);
      if (typeof parsed === 'string') bad.push({ file, line: number, reason: parsed, index });
      else if (parsed.wanted) collectors[parsed.split].add(row, parsed.label, names.length - 1, number, index);
      keys.push(typeof parsed === 'string' ? '' : rowKey(parsed));
      index++;
    }
    if (columns) {
      read.push({ name: file, keys });
      continue;
    }
    const found = await foundInstead(first);
    if (chunkNumber(file) !== undefined)
      throw new UserError('bad-data', `${join(directory, file)} is not FER2013: ${found}. ${HOW_TO_SPLIT}`);
    refused.push({ file, found });
  }
  if (!read.some(({ keys }) => keys.some((key) => key !== '')))
    throw notUnderstood(directory, [
      ...refused.map(({ file, found }) => `${file}: ${found}`),
      ...read.flatMap((file) => rowlessFile(file, bad)),
    ]);
  warnings.push(...refused.map(({ file, found }) => `${file} was left out: ${found}.`));

  const complete = findMissingChunks(names).length === 0;
  const repeats = findRepeats(
    read.map((file) => ({ ...file, preferred: complete && chunkNumber(file.name) !== undefined })),
  );
  warnings.push(...repeats.warnings);
  const kept = read.filter(({ keys }, f) => keys.length === 0 || repeats.leftOut[f]!.includes(false));
  refuseTwins(kept.filter(({ keys }) => keys.length > 0).map(({ name }) => name));
  const keptNames = kept.map(({ name }) => name);
  // A chunk that was left out has its rows elsewhere: it is not missing.
  const missingChunks = keptNames.some((name) => chunkNumber(name) !== undefined) ? findMissingChunks(names) : [];
  if (missingChunks.length > 0) {
    warnings.push(
      `The data is not whole: ${missingChunks.length} of ${CHUNKS} chunks missing (${missingChunks.join(', ')}).`,
    );
  }
  const places = placesOf(repeats.leftOut.flat());
  const skipped = bad.flatMap(({ index: at, ...rest }) => (places[at]! < 0 ? [] : [rest]));
  const sets = Object.fromEntries(SPLITS.map((split) => [split, collectors[split].finish(places)])) as Record<
    Split,
    FaceSet
  >;
  const rows = places.reduce((count, place) => count + (place < 0 ? 0 : 1), 0);
  return { sets, skipped, rows, files: keptNames, missingChunks, warnings };
}

/** Where each row stands among those that are taken, from 0; -1 for one that is left out. */
function placesOf(leftOut: readonly boolean[]): Int32Array {
  let next = 0;
  return Int32Array.from(leftOut, (out) => (out ? -1 : next++));
}

/** The same for the same row, in whichever order its columns stand. */
function rowKey({ label, split, text }: ParsedRow): string {
  return `${label}${split}${hash('sha1', text, 'base64')}`;
}

/** What is wrong with a file that has the header but no good row. */
function rowlessFile(
  { name, keys }: { readonly name: string; readonly keys: readonly string[] },
  bad: readonly SkippedRow[],
): string[] {
  const first = bad.find(({ file }) => file === name);
  if (!first) return [`${name}: it has the header and no row: copy it again`];
  return [`${name}: none of its ${keys.length} rows can be read; line ${first.line} ${first.reason}`];
}

/** Name of FER+'s votes, as they are published. */
export const VOTES_FILE = 'fer2013new.csv';

/** Whether a file holds FER+'s votes, plain or gzipped: they lie beside the chunks and are read on their own. */
export function isVotesFile(name: string): boolean {
  return [VOTES_FILE, `${VOTES_FILE}.gz`].includes(name.toLowerCase());
}

const HOW_TO_SPLIT = 'Make the chunks with: npm run split-dataset -- fer2013.csv';

const HOW_TO_GET =
  `et fer2013.csv from Kaggle's "Challenges in Representation Learning: Facial Expression Recognition Challenge" (ICML 2013), ` +
  `then split it into the ${CHUNKS} chunks fer2013_01.csv.gz to fer2013_${CHUNKS}.csv.gz with: ` +
  'npm run split-dataset -- fer2013.csv';

function noData(directory: string): UserError {
  return new UserError('no-data', `No FER2013 data in ${directory}. G${HOW_TO_GET}`);
}

/** @param found what was found in each file instead, a clause each */
function notUnderstood(directory: string, found: readonly string[]): UserError {
  const more = found.length > MOST_NAMED ? ` There are ${found.length - MOST_NAMED} more files.` : '';
  const told = found.slice(0, MOST_NAMED).map((sentence) => `${sentence}.`);
  return new UserError(
    'bad-data',
    `Nothing in ${directory} can be read as FER2013. ${told.join(' ')}${more} Or g${HOW_TO_GET}`,
  );
}

/** Files that are named where none can be understood. */
const MOST_NAMED = 4;

/** Names of the folder's CSV files, in the order of the numbers in them. */
async function csvFiles(directory: string, signal: AbortSignal | undefined): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown): never => {
    if (codeOf(error) === 'ENOTDIR')
      throw new UserError('bad-usage', `${directory} is no folder: name the one it lies in.`);
    if (fileTrouble(error) === 'missing') throw noData(directory);
    throw explainFile(error, { denied: ['not-allowed', `The folder ${directory} may not be read.`] });
  });
  const files = names.filter((name) => /^[^.].*\.csv(\.gz)?$/i.test(name) && !isVotesFile(name));
  if (files.length === 0) {
    const votes = names.filter(isVotesFile).map((name) => `${name}: it holds FER+'s votes alone, not the faces`);
    const beside = [...votes, ...(await foundBeside(directory, signal))];
    throw beside.length === 0 ? noData(directory) : notUnderstood(directory, beside);
  }
  const order = new Intl.Collator('en', { numeric: true });
  return files.sort(order.compare);
}

const stem = (file: string) => file.replace(/\.csv(\.gz)?$/i, '');

/**
 * The number in a chunk's name (fer2013_07.csv.gz -> 7, and so for what browsers and desktops call a copy of it), or undefined
 * if it is not one (fer_2013.csv is a whole file).
 */
function chunkNumber(file: string): number | undefined {
  const digits = /_(\d{1,2})( ?\(\d+\)|[ -]+copy.*)?$/i.exec(stem(file))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * What of a folder's CSV files to read. Where all chunks are there, the whole file they were made from is left out: this spares
 * reading 300 MB to find that its rows are theirs.
 */
function chooseFiles(all: readonly string[]): { files: string[]; warnings: string[] } {
  const numbered = all.filter((file) => chunkNumber(file) !== undefined);
  if (findMissingChunks(numbered).length > 0) return { files: [...all], warnings: [] };
  const bases = new Set(numbered.flatMap((file) => /^(.*)_\d+$/.exec(stem(file))?.[1] ?? []));
  const isWhole = (file: string) => bases.has(stem(file));
  return {
    files: all.filter((file) => !isWhole(file)),
    warnings: all.filter(isWhole).map((file) => `${file} was left out: the chunks made from it are beside it.`),
  };
}

/** @throws UserError 'bad-data' if two of the files go by one number or name, but do not hold the same rows */
function refuseTwins(files: readonly string[]): void {
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
function findMissingChunks(files: readonly string[]): string[] {
  const numbered = files.filter((file) => chunkNumber(file) !== undefined);
  if (numbered.length === 0) return [];
  const present = new Set(numbered.map((file) => chunkNumber(file)!));
  const last = Math.max(CHUNKS, ...present);
  const base = stem(numbered[0]!).replace(/_\d+$/, '');
  const missing: string[] = [];
  for (let n = 1; n <= last; n++) if (!present.has(n)) missing.push(`${base}_${String(n).padStart(2, '0')}`);
  return missing;
}

/** Rows kept in memory by the block, so that nothing is copied again and again while the number of rows is unknown. */
class RowCollector {
  private static readonly BLOCK = 1024;
  private readonly blocks: Uint8Array[] = [];
  private readonly labels: number[] = [];
  private readonly file: number[] = [];
  private readonly line: number[] = [];
  private readonly index: number[] = [];
  private readonly files: readonly string[];

  constructor(files: readonly string[]) {
    this.files = files;
  }

  add(pixels: Uint8Array, label: number, file: number, line: number, index: number): void {
    const within = this.labels.length % RowCollector.BLOCK;
    if (within === 0) this.blocks.push(new Uint8Array(RowCollector.BLOCK * FACE_PIXELS));
    this.blocks.at(-1)!.set(pixels, within * FACE_PIXELS);
    this.labels.push(label);
    this.file.push(file);
    this.line.push(line);
    this.index.push(index);
  }

  /**
   * The set of the rows that are taken, in shared memory of exactly their size; the collector is empty afterwards.
   * @param places for each row of the data set, where it stands among those that are taken; -1 leaves it out
   */
  finish(places: Int32Array): FaceSet {
    const taken = [...this.index.keys()].filter((i) => places[this.index[i]!]! >= 0);
    const count = taken.length;
    const pixels = new Uint8Array(new SharedArrayBuffer(count * FACE_PIXELS));
    let done = 0;
    for (let block = this.blocks.shift(), start = 0; block; block = this.blocks.shift(), start += RowCollector.BLOCK) {
      for (; done < count && taken[done]! < start + RowCollector.BLOCK; done++) {
        const from = (taken[done]! - start) * FACE_PIXELS;
        pixels.set(block.subarray(from, from + FACE_PIXELS), done * FACE_PIXELS);
      }
    }
    const labels = new Uint8Array(new SharedArrayBuffer(count));
    labels.set(taken.map((i) => this.labels[i]!));
    return {
      count,
      pixels,
      labels,
      rows: {
        files: this.files,
        file: Uint16Array.from(taken, (i) => this.file[i]!),
        line: Uint32Array.from(taken, (i) => this.line[i]!),
        index: Uint32Array.from(taken, (i) => places[this.index[i]!]!),
      },
    };
  }
}
