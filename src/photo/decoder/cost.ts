import type { Metadata } from 'sharp';
import type { DecoderTask } from './task.ts';

export const MEGABYTE = 1_000_000;

/** Estimates from the header how many bytes decoding takes, besides the file and the process. Measured with libvips 8.18, rounded up. */
export function bytesToDecode({ format, blockBytes }: DecoderTask, picture: Metadata, file: Buffer): number {
  const { width, height, channels, depth, isProgressive, chromaSubsampling, pages = 1 } = picture;
  const pixels = width * height;
  const sample = depth === 'uchar' ? 1 : depth === 'ushort' ? 2 : 4;
  switch (format) {
    case 'jpeg': {
      // With several scans all coefficients are kept, two bytes each.
      const coefficients = chromaSubsampling?.startsWith('4:2:0') ? 1.5 : channels;
      return (isProgressive ? 2.1 * pixels * coefficients : 0) + 35 * MEGABYTE;
    }
    case 'png':
      // An interlaced picture is kept whole; of others only a few rows are kept.
      return isProgressive ? 1.1 * pixels * channels * sample + 35 * MEGABYTE : 32 * width * sample + 60 * MEGABYTE;
    case 'webp':
      // Memory for all of it is allocated, though a large one is shrunk while it is decoded.
      return (pages > 1 ? 14 : 4) * pixels + 10 * MEGABYTE;
    case 'gif':
      return 5 * pixels + 20 * MEGABYTE;
    case 'avif':
      return avifBytes(picture, file) * pixels + 5 * MEGABYTE;
    default:
      return 2.5 * blockBytes + 16 * width * channels * sample + 40 * MEGABYTE;
  }
}

/**
 * Bytes a pixel of an AVIF: the decoder keeps data about every 4 x 4 pixels, and two copies of the picture's planes. Each box `av1C` says
 * how the planes are sampled (AV1 Codec ISO Media File Format, 2.3.3).
 */
function avifBytes({ hasAlpha, bitsPerSample = 8 }: Metadata, file: Buffer): number {
  let isWhole = false;
  for (let at = file.indexOf('av1C'); at >= 0; at = file.indexOf('av1C', at + 4)) {
    const flags = file[at + 6] ?? 0;
    // Bits: high bit depth, twelve bits, monochrome, chroma of half the width, chroma of half the height.
    isWhole ||= (flags & 0x10) === 0 && (flags & 0x0c) !== 0x0c;
  }
  return (isWhole ? 19.3 : 16.4) + (hasAlpha ? 2.5 : 0) + (bitsPerSample > 8 ? 7 : 0);
}
