import { UserError } from '../../src/base/errors.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { describeReading, whichFrames } from '../../src/photo/picture/describe.ts';
import type { PhotoReading } from '../../src/photo/read-photo.ts';
import { readingJson, roundedScores } from '../../src/photo/reading-json.ts';

/** The result of one photo. */
export interface Outcome {
  /** The photo's name, as PhotoSource gives it. */
  readonly photo: string;
  /** Its reading, or the error that says why it could not be read. */
  readonly reading: PhotoReading | UserError;
  /** Path of its annotated picture, where one was written. */
  readonly picture?: string | undefined;
}

/** How outcomes are printed. */
export interface Format {
  /** A line before all others. */
  readonly head?: string;
  /** Whether errors are part of the result; otherwise they are printed on standard error. */
  readonly tellsAll: boolean;
  /** The lines of one photo's result. */
  lines(outcome: Outcome): readonly string[];
}

/** One line for each person. @param named whether to put the photo's name before each line */
export function asLines(named: boolean): Format {
  return {
    tellsAll: false,
    lines({ photo, reading }) {
      if (reading instanceof UserError) return [];
      const prefix = named ? `${photo}: ` : '';
      return reading.faces.map((face, k) => `${prefix}${k + 1}. ${describeReading(face)}`);
    },
  };
}

/** One JSON object for each photo. */
export const AS_JSON: Format = {
  tellsAll: true,
  lines: (outcome) => [JSON.stringify(toJson(outcome))],
};

function toJson({ photo, reading, picture }: Outcome) {
  if (reading instanceof UserError) return { photo, error: { code: reading.code, message: reading.message } };
  const { milliseconds, ...rest } = readingJson(reading);
  return { photo, ...rest, ...(picture !== undefined && { picture }), milliseconds };
}

const COLUMNS = [
  ...['photo', 'person', 'emotion', 'confidence', ...EMOTIONS, 'x', 'y', 'width', 'height', 'unreadable', 'error'],
  ...['course', 'frames'],
] as const;

/** Comma-separated values by RFC 4180, one row for each person. A photo with nobody in it, or with an error, has one row too. */
export const AS_CSV: Format = {
  head: COLUMNS.join(','),
  tellsAll: true,
  lines({ photo, reading }) {
    if (reading instanceof UserError) return [row({ photo, error: reading.code })];
    const frames = whichFrames(reading);
    if (reading.faces.length === 0) return [row({ photo, frames })];
    return reading.faces.map(({ box, emotion, course = [], unreadable = '', scores }, k) => {
      const rounded = roundedScores(scores);
      const confidence = Math.max(...Object.values(rounded));
      return row({
        photo,
        person: k + 1,
        emotion,
        confidence,
        ...rounded,
        ...box,
        unreadable,
        course: course.join(', then '),
        frames,
      });
    });
  },
};

function row(values: Readonly<Record<string, string | number>>): string {
  return COLUMNS.map((column) => cell(String(values[column] ?? ''))).join(',');
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
