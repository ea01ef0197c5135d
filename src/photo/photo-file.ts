import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { glob } from 'tinyglobby';
import { codeOf, UserError } from '../base/errors.ts';
import { byNumber, explainFile } from '../base/files.ts';
import { PICTURE_NAME } from './picture-format.ts';

/**
 * The bytes of a photo on disk.
 * @param path path of a file or a pipe
 * @param maxBytes at most one byte more than this is read: enough for a larger file to be refused
 * @throws UserError not-found, also where the disk fails; not-a-picture for a folder, not-allowed
 */
export async function readPhotoFile(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return await buffer(createReadStream(path, { end: maxBytes }));
  } catch (error) {
    const explained = explainFile(error, {
      missing: ['not-found', 'There is no such file. Please check its path.'],
      folder: ['not-a-picture', 'This is a folder. Please name the photos in it.'],
      denied: ['not-allowed', 'This file may not be read. Please check its permissions.'],
    });
    const code = codeOf(explained) ?? '';
    if (!/^E[A-Z\d]+$/.test(code)) throw explained;
    // Such as EIO, from a broken disk or a network drive that is gone: other photos may be read.
    throw new UserError('not-found', `This file cannot be read (${code}). Please try a copy of it.`, { cause: error });
  }
}

/**
 * The pictures in a folder and its subfolders, sorted by name, with numbers in numeric order. Hidden files are left out.
 * @returns paths relative to the folder, with slashes on every system; none where there is no such folder
 */
export async function picturesIn(folder: string): Promise<string[]> {
  const names = await glob('**/*', { cwd: folder });
  return names.filter((name) => PICTURE_NAME.test(name)).sort(byNumber);
}
