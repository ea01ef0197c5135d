import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { explainFile } from '../base/files.ts';

/**
 * The bytes of a photo on disk.
 * @param path of a file, or of a pipe
 * @param maxBytes at most one byte more than this is read: enough for a larger file to be refused
 * @throws UserError not-found, not-a-picture for a folder, not-allowed
 */
export async function readPhotoFile(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return await buffer(createReadStream(path, { end: maxBytes }));
  } catch (error) {
    throw explainFile(error, {
      missing: ['not-found', 'There is no such file. Please check its path.'],
      folder: ['not-a-picture', 'This is a folder. Please name the photos in it.'],
      denied: ['not-allowed', 'This file may not be read. Please check its permissions.'],
    });
  }
}
