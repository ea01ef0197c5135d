import { readdir } from 'node:fs/promises';
import { UserError } from '../../base/errors.ts';
import type { Labels } from './labels-file.ts';

/** What of a folder is read. */
export interface PhotoList {
  /** File names in the order of the report. */
  readonly names: readonly string[];
  /** Pictures of the folder that the labels file does not name: they are left out. */
  readonly unlabelled: readonly string[];
}

/** Names that promise a picture; of those that cannot be read after all, such as HEIC, the report says so. */
const PICTURE_NAME = /^[^.].*\.(jpe?g|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp)$/i;

/** photo2 before photo10. */
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/**
 * The photos to read: those that the labels name, whether they are there or not, or all pictures where there are no labels.
 * @throws UserError no-data where the folder cannot be read, has no picture, or none of those that are labelled
 */
export async function listPhotos(folder: string, labels: Labels | undefined): Promise<PhotoList> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    throw new UserError('no-data', `The folder ${folder} cannot be read: is it there, and a folder?`, { cause: error });
  }
  const pictures = entries.filter((name) => PICTURE_NAME.test(name)).sort(inOrder);
  if (!labels) {
    if (pictures.length === 0) throw new UserError('no-data', `There are no pictures in ${folder}.`);
    return { names: pictures, unlabelled: [] };
  }
  if (!entries.some((name) => labels.has(name)))
    throw new UserError('no-data', `None of the ${labels.size} labelled photos is in ${folder}.`);
  return { names: [...labels.keys()].sort(inOrder), unlabelled: pictures.filter((name) => !labels.has(name)) };
}
