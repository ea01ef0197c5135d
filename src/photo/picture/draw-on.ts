import sharp from 'sharp';
import type { Size } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';

/**
 * A picture brought to a size, with an overlay drawn on it. libvips lays pictures on one another in floating point, all of both: that takes
 * twice as long as all else that is drawn, and most of an overlay is empty.
 * @param overlay an SVG of that size; none where nothing is to be drawn
 * @returns red, green and blue, width * height * 3 bytes
 */
export async function drawOn(image: RgbImage, { width, height }: Size, overlay?: string): Promise<Buffer> {
  const picture = sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });
  const pixels = await picture.resize(width, height, { fit: 'fill' }).raw().toBuffer();
  if (overlay !== undefined) layOn(pixels, await sharp(Buffer.from(overlay)).ensureAlpha().raw().toBuffer());
  return pixels;
}

/**
 * Lays colours on a picture, in place.
 * @param pixels red, green, blue, a byte each
 * @param overlay red, green, blue and how much they cover what lies below, 0..255; as many pixels
 */
export function layOn(pixels: Uint8Array, overlay: Uint8Array): void {
  for (let from = 0, to = 0; from < overlay.length; from += 4, to += 3) {
    const cover = overlay[from + 3]!;
    if (cover === 0) continue;
    const left = 255 - cover;
    pixels[to] = Math.round((cover * overlay[from]! + left * pixels[to]!) / 255);
    pixels[to + 1] = Math.round((cover * overlay[from + 1]! + left * pixels[to + 1]!) / 255);
    pixels[to + 2] = Math.round((cover * overlay[from + 2]! + left * pixels[to + 2]!) / 255);
  }
}
