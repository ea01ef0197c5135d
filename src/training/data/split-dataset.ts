import { createWriteStream, type WriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { UserError } from '../../base/errors.ts';
import { makeFolder } from '../../base/files.ts';
import { EMOTIONS, FACE_PIXELS } from '../../emotion/labels.ts';
import { CHUNKS, chunkStem } from './fer2013-files.ts';
import { type Columns, OFFICIAL_COUNTS, parseHeader, parseRow, SPLITS, total } from './fer2013-row.ts';
import { type Line, readLines } from './lines.ts';
import { foundInstead } from './not-fer2013.ts';

interface SplitOptions {
  /** Compress the chunks (the default): 94 MB instead of 301. */
  readonly gzip?: boolean;
  /** Replace chunks that are there already. */
  readonly force?: boolean;
  /** Images of each emotion that each split must have; the official counts by default. */
  readonly expected?: typeof OFFICIAL_COUNTS;
  /** Called when a chunk has been written under its temporary name. */
  readonly onChunk?: (name: string, rows: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Cuts a whole FER2013 file (fer2013.csv or icml_face_data.csv, also gzipped) into the fifteen chunks fer2013_01 to
 * fer2013_15, each with the header and about as many rows; lines stay as they are. The chunks have temporary names until
 * the whole file has been found to be FER2013; otherwise nothing changes.
 * @returns the names of the chunks
 * @throws UserError 'not-found' if there is no such file; 'bad-data', saying why, if it is not FER2013; 'bad-usage' if there
 *   are chunks already and `force` is not set; AbortError if the signal fires
 */
export async function splitFer2013(file: string, directory: string, options: SplitOptions = {}): Promise<string[]> {
  const { gzip = true, force = false, expected = OFFICIAL_COUNTS, onChunk, signal } = options;
  await makeFolder(directory);
  const old = await existingChunks(directory);
  if (old.length > 0 && !force) {
    throw new UserError(
      'bad-usage',
      `${directory} has chunks already (${old[0]}${old.length > 1 ? ' and more' : ''}): say --force to replace them.`,
    );
  }

  for (const name of old)
    if ((await stat(join(directory, name)).catch(() => undefined))?.isDirectory())
      throw new UserError('bad-usage', `${join(directory, name)} is a folder: take it away first.`);

  const names = chunkNames(gzip);
  const aside = names.map((name) => join(directory, `${name}.tmp`));
  const input = new Fer2013Input(file, expected, signal);
  try {
    const header = await input.header();
    let written = 0;
    for (const [c, name] of names.entries()) {
      const end = Math.round(((c + 1) * input.expectedRows) / CHUNKS);
      await writeLines(aside[c]!, header, input.rows(end - written), gzip, signal);
      onChunk?.(name, end - written);
      written = end;
    }
    await input.finish();
    // In this order: a crash between two of them loses no rows.
    for (const [c, name] of names.entries()) await rename(aside[c]!, join(directory, name));
    for (const name of old) if (!names.includes(name)) await rm(join(directory, name));
  } finally {
    await input.close();
    await Promise.all(aside.map((path) => rm(path, { force: true })));
  }
  return names;
}

function chunkNames(gzip: boolean): string[] {
  return Array.from({ length: CHUNKS }, (_, c) => `${chunkStem(c + 1)}.csv${gzip ? '.gz' : ''}`);
}

/** Names of the chunks in a folder, plain or gzipped: both forms beside each other would hold the data twice. */
async function existingChunks(directory: string): Promise<string[]> {
  const own = new Set([...chunkNames(true), ...chunkNames(false)]);
  return (await readdir(directory)).filter((name) => own.has(name)).sort();
}

/** Writes a header and lines, each with a line feed, no faster than the disk and the compressor take them. */
async function writeLines(
  path: string,
  header: Buffer,
  lines: AsyncIterable<Buffer>,
  gzip: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lineFeed = Buffer.from('\n');
  async function* text(): AsyncGenerator<Buffer> {
    yield Buffer.concat([header, lineFeed]);
    for await (const line of lines) yield Buffer.concat([line, lineFeed]);
  }
  const source = Readable.from(text(), { objectMode: false });
  const file: WriteStream = createWriteStream(path);
  const targets: Writable[] = gzip ? [createGzip({ level: 9 }), file] : [file];
  await pipeline([source, ...targets], { signal });
}

/** Reads the rows of a file that must be FER2013. It checks every row as it is read, and the counts at the end. */
class Fer2013Input {
  readonly expectedRows: number;
  private readonly name: string;
  private readonly lines: AsyncIterator<Line>;
  private readonly counts = Object.fromEntries(SPLITS.map((split) => [split, EMOTIONS.map(() => 0)]));
  private readonly face = new Uint8Array(FACE_PIXELS);
  private columns: Columns | undefined;
  private passed = 0;
  private readonly expected: typeof OFFICIAL_COUNTS;

  constructor(file: string, expected: typeof OFFICIAL_COUNTS, signal: AbortSignal | undefined) {
    this.expected = expected;
    this.name = basename(file);
    this.lines = readLines(file, signal)[Symbol.asyncIterator]();
    this.expectedRows = SPLITS.reduce((sum, split) => sum + total(expected[split]), 0);
  }

  /** Reads and checks the first line. */
  async header(): Promise<Buffer> {
    let line = await this.next();
    while (line?.bytes.toString().trim() === '') line = await this.next();
    if (!line) throw this.refusal(await foundInstead(undefined));
    this.columns = parseHeader(line.bytes);
    if (this.columns) return line.bytes;
    throw this.refusal(await foundInstead(line.bytes, /\.gz$/i.test(this.name)));
  }

  /** The next `count` rows. */
  async *rows(count: number): AsyncGenerator<Buffer> {
    for (let given = 0; given < count; ) {
      const line = await this.next();
      if (!line) throw this.refusal(`it has ${this.passed} rows instead of ${this.expectedRows}`);
      if (line.bytes.length === 0) continue;
      const row = parseRow(line.bytes, this.columns!, new Set(SPLITS), this.face, 0);
      if (typeof row === 'string') throw this.refusal(`line ${line.number}: ${row}`);
      this.counts[row.split]![row.label]!++;
      this.passed++;
      given++;
      yield line.bytes;
    }
  }

  /** Checks that nothing follows and that every split has its emotions. */
  async finish(): Promise<void> {
    for (let line = await this.next(); line; line = await this.next()) if (line.bytes.length > 0) this.passed++;
    if (this.passed !== this.expectedRows) {
      throw this.refusal(`it has ${this.passed} rows instead of ${this.expectedRows}`);
    }
    for (const split of SPLITS) {
      const [found, expected] = [this.counts[split]!, this.expected[split]];
      if (total(found) !== total(expected)) {
        throw this.refusal(`${split} has ${total(found)} rows instead of ${total(expected)}`);
      }
      const wrong = EMOTIONS.findIndex((_, k) => found[k] !== expected[k]);
      if (wrong >= 0) {
        throw this.refusal(
          `${split} has ${found[wrong]} rows of emotion ${wrong} (${EMOTIONS[wrong]}) instead of ${expected[wrong]}`,
        );
      }
    }
  }

  /** Closes the file, also if it was not read to the end. */
  async close(): Promise<void> {
    await this.lines.return?.();
  }

  private async next(): Promise<Line | undefined> {
    const { value, done } = await this.lines.next();
    return done ? undefined : value;
  }

  private refusal(why: string): UserError {
    return new UserError('bad-data', `${this.name} is not FER2013: ${why}. Nothing was written.`);
  }
}
