import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { explainFile } from '../base/files.ts';

/**
 * Reads a JSON file of boxes or labels.
 * @param what what the file should be, for errors: 'labels file'
 * @returns its text, and what that says
 * @throws UserError not-found, not-allowed, or bad-data that says what was found instead
 */
export async function readBoxesFile(
  file: string,
  what: string,
): Promise<{ readonly text: string; readonly value: unknown }> {
  const bytes = await readFile(file).catch((error: unknown): never => {
    throw explainFile(error, {
      missing: ['not-found', `There is no ${what} ${file}.`],
      folder: ['bad-data', `${file} is a folder, not a ${what}.`],
      denied: ['not-allowed', `The ${what} ${file} may not be read: give the user who runs this the right to read it.`],
    });
  });
  // Editors on Windows put a byte order mark before the text.
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  if (text.trim() === '') throw new UserError('bad-data', `${file} is empty: copy it again.`);
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    // In UTF-16, every other byte of JSON is zero.
    if (bytes.subarray(0, 4).includes(0))
      throw new UserError('bad-data', `${file} is in UTF-16: save it as UTF-8.`, { cause: error });
    throw new UserError('bad-data', `${file} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

/** The error for a file that is JSON, but of something else: it names the photo, the face and what is wrong with it. */
export function wrongBoxes(file: string, error: z.ZodError): UserError {
  const [issue, ...more] = error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  return new UserError(
    'bad-data',
    `${file}, ${placeOf(issue.path)}: ${sentenceOf(issue)}.${more.length === 0 ? '' : ` (${more.length} more like this.)`}`,
    { cause: error },
  );
}

/** The place of an issue in words, counted from 1: ['a.jpg', 'faces', 1, 'emotion'] is "a.jpg, face 2, emotion". */
function placeOf(path: readonly PropertyKey[]): string {
  const words = path.flatMap((step, k) => {
    if (path[k + 1] !== undefined && typeof path[k + 1] === 'number' && step === 'faces') return [];
    return [typeof step === 'number' && path[k - 1] === 'faces' ? `face ${step + 1}` : String(step)];
  });
  return words.length === 0 ? 'the whole file' : words.join(', ');
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  // For a bad name, zod nests the actual issue one level deeper.
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}
