import sharp from 'sharp';
import type { Rectangle, Size } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import type { Overlay } from './overlay.ts';

/**
 * Resizes a picture and draws an overlay on it. libvips composites whole pictures in floating point, which takes twice as long as the rest
 * of the drawing, though most of an overlay is empty. So only the overlay's part is drawn, with integers.
 * @param overlay for a picture of that size; undefined where nothing is to be drawn
 * @returns red, green and blue, width * height * 3 bytes
 */
export async function drawOn(image: RgbImage, { width, height }: Size, overlay?: Overlay): Promise<Buffer> {
  const pixels = await resized(image, { width, height });
  if (overlay !== undefined) {
    const drawn = await sharp(Buffer.from(overlay.svg)).ensureAlpha().raw().toBuffer();
    layOn(pixels, width, drawn, overlay.part);
  }
  return pixels;
}

/** The resized picture, in memory that the caller may write to. */
async function resized({ width, height, data }: RgbImage, size: Size): Promise<Buffer> {
  // libvips would do all the work of resizing even where the size is the same.
  if (width === size.width && height === size.height) return Buffer.from(data);
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  return await picture.resize(size.width, size.height, { fit: 'fill' }).raw().toBuffer();
}

/**
 * Blends an overlay over a part of a picture, in place.
 * @param pixels red, green, blue, a byte each
 * @param columns width of the picture
 * @param overlay red, green, blue and opacity, 0..255, of the pixels of the part
 * @param part whole pixels within the picture
 */
export function layOn(pixels: Uint8Array, columns: number, overlay: Uint8Array, part: Rectangle): void {
  for (let row = 0, from = 0; row < part.height; row++) {
    let to = 3 * ((part.y + row) * columns + part.x);
    for (const end = from + 4 * part.width; from < end; from += 4, to += 3) {
      const cover = overlay[from + 3]!;
      if (cover === 0) continue;
      const left = 255 - cover;
      pixels[to] = Math.round((cover * overlay[from]! + left * pixels[to]!) / 255);
      pixels[to + 1] = Math.round((cover * overlay[from + 1]! + left * pixels[to + 1]!) / 255);
      pixels[to + 2] = Math.round((cover * overlay[from + 2]! + left * pixels[to + 2]!) / 255);
    }
  }
}
