import sharp from 'sharp';
import { tooLarge, UserError } from '../base/errors.ts';
import { inSharedMemory, type RgbImage } from './image.ts';
import { pictureFormat } from './picture-format.ts';

/** What one photo may cost. Beyond a limit the walk ends with a UserError instead of a slow or a dead process. */
export interface PhotoLimits {
  /** Largest file, in bytes. */
  readonly maxBytes: number;
  /** Most pixels (width * height of one frame) that are decoded. */
  readonly maxPixels: number;
  /** Longest time for the whole walk, in milliseconds. */
  readonly maxMilliseconds: number;
}

/**
 * - 32 MiB holds a 12-megapixel PNG and any JPEG that a phone makes.
 * - 8192 * 8192 pixels (67 MP) let 50- and 64-megapixel phone photos in and keep the decoded picture below 200 MB.
 * - 30 s is several times what a large photo takes on two busy cores; a person waits no longer than that anyway.
 */
export const DEFAULT_LIMITS: PhotoLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxPixels: 8192 * 8192,
  maxMilliseconds: 30_000,
};

/** A photo as a person sees it: upright, its first frame, in sRGB. */
export interface DecodedPhoto {
  /** Width of the upright photo, in pixels. */
  readonly width: number;
  /** Height of the upright photo, in pixels. */
  readonly height: number;
  /** The photo, shrunk to WORKING_SIDE where it is larger; in shared memory, since several threads look at it. */
  readonly image: RgbImage;
}

/**
 * Longest side of the picture that everything works on, in pixels. Faces of 48 pixels and the annotated picture need no more,
 * and it keeps a photo in memory below 13 MB.
 */
export const WORKING_SIDE = 2048;

/**
 * A picture file to pixels: first frame, EXIF orientation applied, transparency laid on white, colours in sRGB.
 * @throws UserError too-large, empty-file, not-a-picture, unsupported-picture, cut-picture, too-many-pixels, too-slow
 */
export async function decodePhoto(bytes: Uint8Array, limits: PhotoLimits): Promise<DecodedPhoto> {
  if (bytes.length > limits.maxBytes) throw tooLarge(limits.maxBytes);
  await pictureFormat(bytes);
  const { width, height } = await uprightSize(bytes);
  if (width * height > limits.maxPixels) throw tooManyPixels(width, height, limits.maxPixels);
  return { width, height, image: await decode(bytes, limits) };
}

/** Width and height of the first frame after EXIF orientation, from the file's header alone. */
async function uprightSize(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  try {
    // The header of a picture that is far too large must be readable, to say so; no pixel is decoded here.
    const { autoOrient } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return autoOrient;
  } catch (error) {
    throw asUserError(error);
  }
}

async function decode(bytes: Uint8Array, limits: PhotoLimits): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(bytes, {
      limitInputPixels: limits.maxPixels,
      // Files that are cut off are refused; what makes the decoder only warn is read.
      failOn: 'truncated',
    })
      .autoOrient()
      .resize(WORKING_SIDE, WORKING_SIDE, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .timeout({ seconds: Math.max(1, Math.ceil(limits.maxMilliseconds / 1000)) })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels instead of 3`);
    return inSharedMemory({ width: info.width, height: info.height, data });
  } catch (error) {
    throw asUserError(error);
  }
}

function tooManyPixels(width: number, height: number, maxPixels: number): UserError {
  const size = `${width} x ${height} pixels`;
  const most = `${Math.floor(maxPixels / 1e6)} megapixels`;
  return new UserError(
    'too-many-pixels',
    `This picture has ${size}; at most ${most} can be read. Please shrink it first.`,
  );
}

/** Why the decoder gave up, a limit or damage, in words for people; its own message is kept as the cause. */
function asUserError(error: unknown): UserError {
  const message = error instanceof Error ? error.message : String(error);
  if (/pixel limit/i.test(message)) {
    return new UserError('too-many-pixels', 'This picture has too many pixels. Please shrink it first.', {
      cause: error,
    });
  }
  if (/^timeout/i.test(message)) return tooSlow(error);
  return new UserError(
    'cut-picture',
    'This picture is damaged or incomplete. Please post it again, or save it anew first.',
    {
      cause: error,
    },
  );
}

/** For the decoder's time limit and for the limit of the whole walk: a person need not know which it was. */
export function tooSlow(cause?: unknown): UserError {
  return new UserError('too-slow', 'Reading this picture took too long. Try again, or post a smaller one.', { cause });
}
