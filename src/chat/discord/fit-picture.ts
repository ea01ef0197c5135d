import sharp from 'sharp';
import type { OutgoingPicture } from '../../../commands/request.ts';

/** What is tried to make a picture smaller, from the least harm to the most: JPEG quality and a part of each side. */
const ATTEMPTS = [
  { quality: 80, part: 1 },
  { quality: 65, part: 1 },
  { quality: 60, part: 0.75 },
  { quality: 55, part: 0.5 },
  { quality: 50, part: 0.33 },
  { quality: 40, part: 0.2 },
] as const;

/**
 * A picture within a server's limit: as it is where it fits, else recompressed, else shrunk as well.
 * @param maxBytes largest file that the server takes
 * @returns undefined where not even a fifth of its sides fits
 */
export async function fitPicture(picture: OutgoingPicture, maxBytes: number): Promise<OutgoingPicture | undefined> {
  if (picture.bytes.length <= maxBytes) return picture;
  const { width } = await sharp(picture.bytes).metadata();
  for (const { quality, part } of ATTEMPTS) {
    const bytes = await sharp(picture.bytes)
      .flatten({ background: 'white' })
      .resize(Math.max(1, Math.round(width * part)))
      .jpeg({ quality })
      .toBuffer();
    if (bytes.length <= maxBytes) {
      return { ...picture, bytes, mime: 'image/jpeg', name: `${picture.name.replace(/\.[^.]*$/, '')}.jpg` };
    }
  }
  return undefined;
}
