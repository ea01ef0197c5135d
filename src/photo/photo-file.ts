import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { UserError } from '../base/errors.ts';

/**
 * The bytes of a photo on disk.
 * @param path of a file, or of a pipe
 * @param maxBytes of a larger file one byte more than this is read: enough for the walk to refuse it, and no more in memory
 * @throws UserError not-found, not-a-picture for a folder, not-allowed
 */
export async function readPhotoFile(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return await buffer(createReadStream(path, { end: maxBytes }));
  } catch (error) {
    const message = messageFor((error as NodeJS.ErrnoException).code);
    throw message ? new UserError(...message, { cause: error }) : error;
  }
}

function messageFor(code: string | undefined): [UserError['code'], string] | undefined {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ERR_INVALID_ARG_VALUE':
      return ['not-found', 'There is no such file. Please check its path.'];
    case 'EISDIR':
      return ['not-a-picture', 'This is a folder. Please name the photos in it.'];
    case 'EACCES':
    case 'EPERM':
      return ['not-allowed', 'This file may not be read. Please check its permissions.'];
    default:
      return undefined;
  }
}
