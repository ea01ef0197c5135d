import { hash } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { FACE_PIXELS } from '../../emotion/labels.ts';
import type { FaceSet } from './face-set.ts';
import {
  CHUNKS,
  chooseFiles,
  chunkNumber,
  csvFiles,
  findMissingChunks,
  HOW_TO_SPLIT,
  notUnderstood,
  refuseTwins,
} from './fer2013-files.ts';
import { type Columns, type ParsedRow, parseHeader, parseRow, SPLITS, type Split } from './fer2013-row.ts';
import { readLines } from './lines.ts';
import { foundInPlaceOf, foundInstead } from './not-fer2013.ts';
import { findRepeats } from './same-rows.ts';

export { SPLITS, type Split } from './fer2013-row.ts';

/** A row that was left out: the 1-based line of the file, and what is wrong with it. */
export interface SkippedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** FER2013 as read from a folder. */
export interface Fer2013 {
  /** The rows of each split, in file order; a split that was not requested is empty. */
  readonly sets: Readonly<Record<Split, FaceSet>>;
  /** Bad rows, in file order. Pixels of splits that were not requested are not checked. */
  readonly skipped: readonly SkippedRow[];
  /** Rows of all splits, bad ones included, without those that were left out because another file holds them. */
  readonly rows: number;
  /** Names of the files whose rows these are, in order. */
  readonly files: readonly string[];
  /** Names of missing chunks (without extension); empty if the data is not in chunks. */
  readonly missingChunks: readonly string[];
  /** Sentences for people: missing chunks, files that were left out and why. Show them; they do not stop a training. */
  readonly warnings: readonly string[];
}

export interface ReadOptions {
  /** Splits to keep (all three by default); the pixels of others are not parsed, which is faster. */
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
  const found = await csvFiles(directory, options.signal);
  const chosen = chooseFiles(found.all);
  const { files } = chosen;
  const warnings = [...found.warnings, ...chosen.warnings];
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
        if (bytes.toString().trim() === '') continue;
        // A copy, since later lines are compared with it.
        first = Buffer.from(bytes);
        columns = parseHeader(bytes);
        if (!columns) break;
        names.push(file);
        continue;
      }
      // Chunks that were appended to one another have a header each.
      if (bytes.equals(first!)) continue;
      const parsed = parseRow(bytes, columns, wanted, row, 0);
      if (typeof parsed === 'string') bad.push({ file, line: number, reason: parsed, index });
      else if (parsed.wanted) collectors[parsed.split].add(row, parsed.label, names.length - 1, number, index);
      keys.push(typeof parsed === 'string' ? '' : rowKey(parsed, row));
      index++;
    }
    if (columns) {
      read.push({ name: file, keys });
      continue;
    }
    const instead = await foundInstead(first, /\.gz$/i.test(file));
    if (chunkNumber(file) !== undefined)
      throw new UserError('bad-data', `${join(directory, file)} is not FER2013: ${instead}. ${HOW_TO_SPLIT}`);
    refused.push({ file, found: instead });
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
  // A chunk that was left out is not missing: its rows are in other files.
  const missingChunks = keptNames.some((name) => chunkNumber(name) !== undefined) ? findMissingChunks(names) : [];
  if (missingChunks.length > 0) {
    warnings.push(
      ...(await foundInPlaceOf(missingChunks, directory, options.signal)),
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

/** Index of each row among those that are kept, from 0; -1 for one that is left out. */
function placesOf(leftOut: readonly boolean[]): Int32Array {
  let next = 0;
  return Int32Array.from(leftOut, (out) => (out ? -1 : next++));
}

/**
 * A key that is equal for equal rows, whatever the order of the columns and the notation of the numbers.
 * @param pixels pixels of a wanted row; those of other rows are not read
 */
function rowKey({ label, split, wanted, text }: ParsedRow, pixels: Uint8Array): string {
  return `${label}${split}${hash('sha1', wanted ? pixels : plainNumbers(text), 'base64')}`;
}

/** Numbers with a space between them and without leading zeros, as FER2013 has them. */
function plainNumbers(text: Buffer): Buffer | string {
  const numbers = text.toString('latin1');
  if (!/ {2}|(^| )0\d/.test(numbers)) return text;
  return numbers.replaceAll(/ +/g, ' ').replaceAll(/(^| )0+(?=\d)/g, '$1');
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

/** Collects rows in blocks of memory, so that nothing is copied repeatedly while the number of rows is unknown. */
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
   * The set of the kept rows, in shared memory of exactly their size. The collector is empty afterwards.
   * @param places for each row of the data set its index among the kept rows; -1 leaves it out
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
