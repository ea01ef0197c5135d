import { UserError } from './errors.ts';

/** A file system's refusal to write a file, in words; anything else stays what it is. */
export function explainWrite(file: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EISDIR':
      return new UserError('bad-usage', `${file} cannot be written: its folder is not there, or is no folder.`, {
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError('not-allowed', `${file} may not be written.`, { cause: error });
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('no-space', `There is no room on the disk for ${file}.`, { cause: error });
    default:
      return error;
  }
}
