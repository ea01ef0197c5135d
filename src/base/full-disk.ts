import { UserError } from './errors.ts';

/** Whether the file system refused for want of space, or of what of it this user may take. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** A full disk in words; everything else as it is. */
export function inWords(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  return new UserError('no-space', 'The disk is full. Free some space and try again; the network in use stays.', {
    cause: error,
  });
}
