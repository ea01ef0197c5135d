import { PICTURE_NAME } from '../photo/picture-format.ts';

/** How sure it is, before it is loaded, that a posted file is a picture. */
export type FileKind = 'a picture' | 'by its bytes' | 'something else';

/** Types that say nothing: what programs send along for files that they do not know. */
const USELESS_TYPE = /^(application|binary)\/(x-)?(octet-stream|binary|unknown|download|force-download)$/;

/**
 * What a posted file is by the type that its platform tells; where that says nothing, by its name; where that says nothing either, its
 * bytes decide.
 */
export function fileKind(mediaType: string | null | undefined, name: string | null | undefined): FileKind {
  const type = (mediaType ?? '').split(';')[0]!.trim().toLowerCase();
  if (type.startsWith('image/')) return 'a picture';
  if (type !== '' && !USELESS_TYPE.test(type)) return 'something else';
  return PICTURE_NAME.test(name ?? '') ? 'a picture' : 'by its bytes';
}
