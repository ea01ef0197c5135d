import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf, errorText, UserError } from '../../base/errors.ts';
import { explainFile } from '../../base/files.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const EMPTY = Buffer.alloc(0);

/** Longest line, in bytes: a FER2013 row has at most 9,240. Longer lines are cut to this length. */
const MAX_LINE = 1 << 16;

/** Bytes read and inflated at a time: large enough that the overhead of streams is negligible for 20 MB of text. */
const CHUNK = 1 << 20;

/** What to do where a file or folder may not be read. */
export const ALLOW_IT = 'give the user who runs this the right to read it';

export interface Line {
  /** The line without its line break (LF or CRLF). */
  readonly bytes: Buffer;
  /** 1-based. */
  readonly number: number;
}

/**
 * The lines of a text file (gunzipped if its name ends in .gz), as a stream: memory stays bounded, however large the file
 * and however long a line is.
 * @throws UserError 'bad-data' if a .gz is cut short or damaged, 'not-found' if there is no such file, 'not-allowed' if it
 *   may not be read; AbortError if the signal fires
 */
export async function* readLines(path: string, signal?: AbortSignal): AsyncGenerator<Line> {
  let carry: Buffer = EMPTY;
  let number = 0;
  try {
    for await (const chunk of openText(path, signal) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        yield { bytes: withoutReturn(joined(carry, chunk.subarray(start, end))), number: ++number };
        carry = EMPTY;
        start = end + 1;
      }
      // A copy, since the stream may use the chunk's memory again.
      carry = Buffer.concat([joined(carry, chunk.subarray(start))]);
    }
  } catch (error) {
    throw explained(error, path);
  }
  if (carry.length > 0) yield { bytes: withoutReturn(carry), number: ++number };
}

function openText(path: string, signal: AbortSignal | undefined): Readable {
  const source = createReadStream(path, { highWaterMark: CHUNK, signal });
  if (!path.toLowerCase().endsWith('.gz')) return source;
  // `pipeline` passes an error of either stream to the reader of the last one, which throws it, so the callback does nothing.
  return pipeline(source, createGunzip({ chunkSize: CHUNK }), () => {});
}

/** Turns an error of reading into a UserError that names the file; returns any other error unchanged. */
function explained(error: unknown, path: string): unknown {
  const code = codeOf(error) ?? '';
  if (!code.startsWith('Z_'))
    return explainFile(error, {
      missing: ['not-found', `There is no file ${path}.`],
      folder: ['not-found', `${path} is a folder, not a file.`],
      denied: ['not-allowed', `${path} may not be read: ${ALLOW_IT}.`],
    });
  if (errorText(error).includes('incorrect header check'))
    return new UserError('bad-data', `${path} is not gzipped: give it a name that ends in .csv.`, { cause: error });
  const what = code === 'Z_BUF_ERROR' ? 'is cut short' : 'is damaged';
  return new UserError('bad-data', `${path} ${what}: copy it or make it again.`, { cause: error });
}

/** Two parts of a line as one, cut to MAX_LINE. */
function joined(head: Buffer, tail: Buffer): Buffer {
  if (head.length === 0) return tail.subarray(0, MAX_LINE);
  return Buffer.concat([head, tail], Math.min(MAX_LINE, head.length + tail.length));
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
