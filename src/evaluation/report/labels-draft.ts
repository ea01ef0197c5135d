import { writeFile } from 'node:fs/promises';
import { UserError } from '../../base/errors.ts';
import { explainWrite } from '../../base/files.ts';
import type { PhotoReading } from '../../photo/read-photo.ts';

/** What a draft has where a person is to write an emotion. readLabels refuses it, so that none is forgotten. */
export const TO_BE_LABELLED = '?';

/** By photo name: its size, in pixels, and the boxes found in it. */
export type Draft = ReadonlyMap<string, Pick<PhotoReading, 'width' | 'height' | 'faces'>>;

/**
 * Starts a labels file: a box for every face that was found, from left to right, and nothing of what was read in it, which would sway
 * whoever labels. Faces that were not found are to be added and boxes that are no faces removed.
 * @throws UserError not-allowed where there is a file already, or none may be made
 */
export async function writeDraft(file: string, photos: Draft): Promise<void> {
  const entries = [...photos].map(([name, { width, height, faces }]) => {
    const lines = faces.map(({ box }) => {
      const { x, y, width: wide, height: high } = box;
      return `\n      ${JSON.stringify({ x, y, width: wide, height: high, emotion: TO_BE_LABELLED })}`;
    });
    const list = lines.length === 0 ? '[]' : `[${lines.join(',')}\n    ]`;
    return `  ${JSON.stringify(name)}: {\n    "width": ${width},\n    "height": ${height},\n    "faces": ${list}\n  }`;
  });
  try {
    await writeFile(file, `{\n${entries.join(',\n')}\n}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(file);
    throw explainWrite(file, error);
  }
}

/** What is said where there is a labels file already: no draft replaces a person's labels. */
export function alreadyThere(file: string): UserError {
  return new UserError('not-allowed', `${file} is there already and stays as it is. Name another file with --labels.`);
}
