import { PICTURE_NAME } from '../photo/picture-format.ts';

/** What is known of a posted file before it is loaded: it is a picture, only its bytes can tell, or it is something else. */
export type FileKind = 'a picture' | 'by its bytes' | 'something else';

/** Media types that say nothing: programs send them for files that they do not know. */
const USELESS_TYPE = /^(application|binary)\/(x-)?(octet-stream|binary|unknown|download|force-download)$/;

/**
 * Tells what a posted file is. The media type that the platform gives decides; if that says nothing, the name decides; if that says
 * nothing either, only the bytes can tell.
 */
export function fileKind(mediaType: string | null | undefined, name: string | null | undefined): FileKind {
  const type = (mediaType ?? '').split(';')[0]!.trim().toLowerCase();
  if (type.startsWith('image/')) return 'a picture';
  if (type !== '' && !USELESS_TYPE.test(type)) return 'something else';
  return PICTURE_NAME.test(name ?? '') ? 'a picture' : 'by its bytes';
}
