import { createReadStream } from 'node:fs';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { UserError } from '../errors.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Longest line kept, in bytes: a FER2013 row has at most 9,240. What is longer is handed on cut to this length. */
export const MAX_LINE = 1 << 16;

/** Bytes read and inflated at a time: large enough that the stream machinery does not show beside 20 MB of text. */
const CHUNK = 1 << 20;

/**
 * Calls `onLine` with every line of a text file (gunzipped if its name ends in .gz), without its line break (LF or CRLF),
 * and its 1-based number. The buffer is only valid during the call. Memory stays bounded, however long a line is.
 * @throws UserError 'bad-data' if a .gz is cut short or damaged; AbortError if the signal fires.
 */
export async function eachLine(
  path: string,
  onLine: (line: Buffer, number: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const lines = new LineSplitter(onLine);
  const source = createReadStream(path, { highWaterMark: CHUNK });
  try {
    if (path.endsWith('.gz')) await pipeline(source, createGunzip({ chunkSize: CHUNK }), lines, { signal });
    else await pipeline(source, lines, { signal });
  } catch (error) {
    throw asDamaged(error, path);
  }
}

/** zlib's errors as a sentence that names the file; any other error as it is. */
function asDamaged(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!code.startsWith('Z_')) return error;
  const what = code === 'Z_BUF_ERROR' ? 'is cut short' : 'is damaged or not a gzip file';
  return new UserError('bad-data', `${path} ${what}: copy it again or make it anew.`, { cause: error });
}

/** Splits bytes into lines. A Transform with no output, so that `pipeline` waits for the last line. */
class LineSplitter extends Transform {
  private carry: Buffer = Buffer.alloc(0);
  private number = 0;

  constructor(private readonly onLine: (line: Buffer, number: number) => void) {
    super({ readableObjectMode: true });
    this.resume();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.split(chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      if (this.carry.length > 0) this.emitLine(this.carry);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  private split(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      const rest = chunk.subarray(start, end);
      this.emitLine(this.carry.length > 0 ? Buffer.concat([this.carry, rest.subarray(0, MAX_LINE)]) : rest);
      this.carry = Buffer.alloc(0);
      start = end + 1;
    }
    if (this.carry.length < MAX_LINE) {
      this.carry = Buffer.concat([this.carry, chunk.subarray(start, start + MAX_LINE)]);
    }
  }

  private emitLine(line: Buffer): void {
    this.number++;
    const end = line.length > 0 && line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    this.onLine(line.subarray(0, Math.min(end, MAX_LINE)), this.number);
  }
}
