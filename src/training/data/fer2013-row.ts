import { EMOTIONS, FACE_PIXELS } from '../../emotion/labels.ts';

/** FER2013's own names (column Usage): 28,709 rows for training, 3,589 for validation, 3,589 for the final test. */
export const SPLITS = ['Training', 'PublicTest', 'PrivateTest'] as const;

export type Split = (typeof SPLITS)[number];

/** The columns of a FER2013 file in the order of its header: where each of the three stands, and how many there are. */
export interface Columns {
  readonly emotion: number;
  readonly pixels: number;
  readonly usage: number;
  readonly count: number;
}

const COMMA = 0x2c;
const SPACE = 0x20;
const QUOTE = 0x22;
const ZERO = 0x30;

/**
 * Columns named by a header line, or undefined if it is not FER2013's. Spaces, quotes, case and a byte order mark do not
 * matter: fer2013.csv has `emotion,pixels,Usage`, icml_face_data.csv `emotion, Usage, pixels`.
 */
export function parseHeader(line: Buffer): Columns | undefined {
  const names = columnNames(line).map((name) => name.toLowerCase());
  const emotion = names.indexOf('emotion');
  const pixels = names.indexOf('pixels');
  const usage = names.indexOf('usage');
  return emotion < 0 || pixels < 0 || usage < 0 ? undefined : { emotion, pixels, usage, count: names.length };
}

/** The names in a header line, without the spaces, quotes and byte order mark around them. */
export function columnNames(line: Buffer): string[] {
  return line
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
}

/** Start (inclusive) and end (exclusive) of a field within a line, without the spaces and quotes around it. */
type Span = readonly [start: number, end: number];

/** Spans of all fields. No field of FER2013 holds a comma or a line break, so quotes never hide one. */
function fields(line: Buffer): Span[] {
  const spans: Span[] = [];
  for (let start = 0; ; ) {
    const comma = line.indexOf(COMMA, start);
    spans.push(trimmed(line, start, comma < 0 ? line.length : comma));
    if (comma < 0) return spans;
    start = comma + 1;
  }
}

function trimmed(line: Buffer, start: number, end: number): Span {
  const padding = (byte: number) => byte === SPACE || byte === QUOTE;
  let from = start;
  let to = end;
  while (from < to && padding(line[from]!)) from++;
  while (to > from && padding(line[to - 1]!)) to--;
  return [from, to];
}

/** A field for a message: at most 20 characters of it, in quotes. */
function shown(line: Buffer, [start, end]: Span): string {
  const text = line.toString('utf8', start, Math.min(end, start + 20));
  return JSON.stringify(end - start > 20 ? `${text}…` : text);
}

/** A good row, without its decoded pixels. `wanted` is false if the row's split was not requested (its pixels are not read). */
export interface ParsedRow {
  readonly label: number;
  readonly split: Split;
  readonly wanted: boolean;
  /** The pixels as they stand in the line. */
  readonly text: Buffer;
}

/**
 * Reads one row (a line without its line break). Writes its 2304 pixels at `out[offset]` if its split is among `wanted`.
 * Returns a sentence instead if the row is bad; `out` may then be partly written.
 */
export function parseRow(
  line: Buffer,
  columns: Columns,
  wanted: ReadonlySet<Split>,
  out: Uint8Array,
  offset: number,
): ParsedRow | string {
  const spans = fields(line);
  if (spans.length !== columns.count) return `has ${spans.length} columns instead of ${columns.count}`;

  const usage = spans[columns.usage]!;
  const usageText = line.toString('latin1', ...usage);
  const split = SPLITS.find((name) => name === usageText);
  if (!split) return `Usage is ${shown(line, usage)}, not one of ${SPLITS.join(', ')}`;

  const emotion = spans[columns.emotion]!;
  const label = line[emotion[0]]! - ZERO;
  if (emotion[1] - emotion[0] !== 1 || !(label >= 0 && label < EMOTIONS.length)) {
    return `emotion is ${shown(line, emotion)}, not a number from 0 to ${EMOTIONS.length - 1}`;
  }

  const pixels = spans[columns.pixels]!;
  const row = { label, split, wanted: wanted.has(split), text: line.subarray(...pixels) };
  return (row.wanted ? parsePixels(line, pixels, out, offset) : undefined) ?? row;
}

/** Reads 2304 decimal numbers 0..255 separated by spaces, byte by byte for speed (300 MB of text). @returns a sentence if they are bad */
function parsePixels(line: Buffer, [start, end]: Span, out: Uint8Array, offset: number): string | undefined {
  let count = 0;
  let p = start;
  while (p < end) {
    if (line[p] === SPACE) {
      p++;
      continue;
    }
    const valueStart = p;
    let value = 0;
    for (; p < end && line[p] !== SPACE; p++) {
      const digit = line[p]! - ZERO;
      // NaN makes a value with a sign, a point or a letter invalid; p goes on to the end of the value for the message.
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
    }
    if (!(value <= 255)) return `pixel ${count + 1} is ${shown(line, [valueStart, p])}, not a number from 0 to 255`;
    if (count < FACE_PIXELS) out[offset + count] = value;
    count++;
  }
  return count === FACE_PIXELS ? undefined : `has ${count} pixels instead of ${FACE_PIXELS}`;
}

/** Images of each emotion (in label order) in each split of the FER2013 that Kaggle published: 35,887 in all. */
export const OFFICIAL_COUNTS: Readonly<Record<Split, readonly number[]>> = {
  Training: [3995, 436, 4097, 7215, 4830, 3171, 4965],
  PublicTest: [467, 56, 496, 895, 653, 415, 607],
  PrivateTest: [491, 55, 528, 879, 594, 416, 626],
};

/** Sum of counts. */
export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
