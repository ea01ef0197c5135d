import { UserError } from '../../src/base/errors.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { describeReading, whichFrames } from '../../src/photo/picture/describe.ts';
import type { PhotoReading } from '../../src/photo/read-photo.ts';
import { readingJson, roundedScores } from '../../src/photo/reading-json.ts';

/** What came of one photo. */
export interface Outcome {
  /** The photo as it was named. */
  readonly photo: string;
  /** What was seen in it, or the mistake that kept it from being read. */
  readonly reading: PhotoReading | UserError;
  /** Where its annotated picture is, where one was written. */
  readonly picture?: string | undefined;
}

/** How outcomes are told. */
export interface Format {
  /** A line before all others. */
  readonly head?: string;
  /** Whether what goes wrong is part of the result, rather than told beside it. */
  readonly tellsAll: boolean;
  /** The lines of one photo's result. */
  lines(outcome: Outcome): readonly string[];
}

/** A line a person. @param named put the photo's name before each */
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

/** One JSON object a photo. */
export const AS_JSON: Format = {
  tellsAll: true,
  lines: (outcome) => [JSON.stringify(toJson(outcome))],
};

function toJson({ photo, reading, picture }: Outcome) {
  if (reading instanceof UserError) return { photo, error: { code: reading.code, message: reading.message } };
  const { milliseconds, ...told } = readingJson(reading);
  return { photo, ...told, ...(picture !== undefined && { picture }), milliseconds };
}

const COLUMNS = [
  ...['photo', 'person', 'emotion', 'confidence', ...EMOTIONS, 'x', 'y', 'width', 'height', 'unreadable', 'error'],
  ...['course', 'frames'],
] as const;

/** Comma-separated values by RFC 4180, a row a person; a photo with nobody in it, or with an error, has one row too. */
export const AS_CSV: Format = {
  head: COLUMNS.join(','),
  tellsAll: true,
  lines({ photo, reading }) {
    if (reading instanceof UserError) return [row({ photo, error: reading.code })];
    const frames = whichFrames(reading);
    if (reading.faces.length === 0) return [row({ photo, frames })];
    return reading.faces.map(({ box, emotion, course = [], unreadable = '', scores }, k) => {
      const told = roundedScores(scores);
      const confidence = Math.max(...Object.values(told));
      return row({
        photo,
        person: k + 1,
        emotion,
        confidence,
        ...told,
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
