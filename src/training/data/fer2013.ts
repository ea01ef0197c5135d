import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { fileTrouble } from '../../base/files.ts';
import { FACE_PIXELS } from '../../emotion/labels.ts';
import type { FaceSet } from './face-set.ts';
import { type Columns, parseHeader, parseRow, SPLITS, type Split } from './fer2013-row.ts';
import { readLines } from './lines.ts';

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
  /** Rows of all splits, those left out included. */
  readonly rows: number;
  /** Names of the files read, in order. */
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
 * `skipped`. The sets lie in shared memory.
 * @throws UserError 'no-data' if the folder has no such file; 'bad-data' if a chunk is cut short, damaged, has no header,
 *   or is there twice; AbortError if the signal fires.
 */
export async function readFer2013(directory: string, options: ReadOptions = {}): Promise<Fer2013> {
  const { files, warnings } = chooseFiles(await csvFiles(directory));
  const wanted = new Set(options.splits ?? SPLITS);
  const skipped: SkippedRow[] = [];
  const read: string[] = [];
  const collectors = Object.fromEntries(SPLITS.map((split) => [split, new RowCollector(read)])) as Record<
    Split,
    RowCollector
  >;
  const row = new Uint8Array(FACE_PIXELS);
  let index = 0;

  for (const file of files) {
    let columns: Columns | undefined;
    for await (const { bytes, number } of readLines(join(directory, file), options.signal)) {
      if (number === 1) {
        columns = parseHeader(bytes);
        if (!columns) break;
        read.push(file);
      } else if (bytes.length > 0) {
        const parsed = parseRow(bytes, columns!, wanted, row, 0);
        if (typeof parsed === 'string') skipped.push({ file, line: number, reason: parsed });
        else if (parsed.wanted) collectors[parsed.split].add(row, parsed.label, read.length - 1, number, index);
        index++;
      }
    }
    if (columns) continue;
    if (chunkNumber(file) !== undefined) {
      throw new UserError(
        'bad-data',
        `${join(directory, file)} does not start with the header emotion,pixels,Usage. ${HOW_TO_SPLIT}`,
      );
    }
    warnings.push(`${file} was left out: it does not start with the header emotion,pixels,Usage.`);
  }
  if (read.length === 0) throw noData(directory);

  const missingChunks = findMissingChunks(read);
  if (missingChunks.length > 0) {
    warnings.push(
      `The data is not whole: ${missingChunks.length} of ${CHUNKS} chunks missing (${missingChunks.join(', ')}).`,
    );
  }
  const sets = Object.fromEntries(SPLITS.map((split) => [split, collectors[split].finish()])) as Record<Split, FaceSet>;
  return { sets, skipped, rows: index, files: read, missingChunks, warnings };
}

/** Name of FER+'s votes, as they are published. */
export const VOTES_FILE = 'fer2013new.csv';

/** Whether a file holds FER+'s votes, plain or gzipped: they lie beside the chunks and are read on their own. */
export function isVotesFile(name: string): boolean {
  return [VOTES_FILE, `${VOTES_FILE}.gz`].includes(name.toLowerCase());
}

const HOW_TO_SPLIT = 'Make the chunks with: npm run split-dataset -- fer2013.csv';

function noData(directory: string): UserError {
  return new UserError(
    'no-data',
    `No FER2013 data in ${directory}. Get fer2013.csv from Kaggle's "Challenges in Representation Learning: Facial ` +
      `Expression Recognition Challenge" (ICML 2013), then split it into the ${CHUNKS} chunks fer2013_01.csv.gz to ` +
      `fer2013_${CHUNKS}.csv.gz with: npm run split-dataset -- fer2013.csv`,
  );
}

/** Names of the folder's CSV files, in the order of the numbers in them. */
async function csvFiles(directory: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    throw fileTrouble(error) === 'missing' ? noData(directory) : error;
  }
  const files = names.filter((name) => /^[^.].*\.csv(\.gz)?$/i.test(name) && !isVotesFile(name));
  if (files.length === 0) throw noData(directory);
  const order = new Intl.Collator('en', { numeric: true });
  return files.sort(order.compare);
}

const stem = (file: string) => file.replace(/\.csv(\.gz)?$/i, '');

/** The number in a chunk's name (fer2013_07.csv.gz -> 7), or undefined if it is not one (fer_2013.csv is a whole file). */
function chunkNumber(file: string): number | undefined {
  const digits = /_(\d{1,2})$/.exec(stem(file))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * What of a folder's CSV files to read. Where there are chunks, the whole file they were made from is left out, since
 * every row would count twice.
 * @throws UserError 'bad-data' if a chunk is there both plain and gzipped.
 */
function chooseFiles(all: readonly string[]): { files: string[]; warnings: string[] } {
  const chunkStems = new Set(all.filter((file) => chunkNumber(file) !== undefined).map((f) => stem(f)));
  const bases = new Set([...chunkStems].map((name) => name.replace(/_\d+$/, '')));
  const files: string[] = [];
  const warnings: string[] = [];
  const seen = new Map<string, string>();
  for (const file of all) {
    const name = stem(file);
    if (bases.has(name)) {
      warnings.push(`${file} was left out: the chunks made from it are beside it.`);
      continue;
    }
    const twin = seen.get(name);
    if (twin) throw new UserError('bad-data', `${twin} and ${file} are the same data twice: keep one of them.`);
    seen.set(name, file);
    files.push(file);
  }
  return { files, warnings };
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

  constructor(private readonly files: readonly string[]) {}

  add(pixels: Uint8Array, label: number, file: number, line: number, index: number): void {
    const within = this.labels.length % RowCollector.BLOCK;
    if (within === 0) this.blocks.push(new Uint8Array(RowCollector.BLOCK * FACE_PIXELS));
    this.blocks.at(-1)!.set(pixels, within * FACE_PIXELS);
    this.labels.push(label);
    this.file.push(file);
    this.line.push(line);
    this.index.push(index);
  }

  /** The set of all rows added, in shared memory of exactly their size; the collector is empty afterwards. */
  finish(): FaceSet {
    const count = this.labels.length;
    const pixels = new Uint8Array(new SharedArrayBuffer(count * FACE_PIXELS));
    let offset = 0;
    for (let block = this.blocks.shift(); block; block = this.blocks.shift()) {
      pixels.set(block.subarray(0, Math.min(block.length, pixels.length - offset)), offset);
      offset += block.length;
    }
    const labels = new Uint8Array(new SharedArrayBuffer(count));
    labels.set(this.labels);
    return {
      count,
      pixels,
      labels,
      rows: {
        files: this.files,
        file: Uint16Array.from(this.file),
        line: Uint32Array.from(this.line),
        index: Uint32Array.from(this.index),
      },
    };
  }
}
