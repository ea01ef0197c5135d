import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import sharp, { type Sharp } from 'sharp';

/** A costly file, which somebody may post to crash the bot or by chance. */
export interface Bomb {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Noise, which no format compresses well. @param megapixels the size of the picture, which is 1.5 times as high as wide */
function noise(megapixels: number, channels: 3 | 4 = 3): Sharp {
  const width = Math.round(Math.sqrt(megapixels * 1e6 * 1.5));
  const height = Math.round((megapixels * 1e6) / width);
  return sharp(randomFillSync(Buffer.allocUnsafe(width * height * channels)), { raw: { width, height, channels } });
}

function flat(side: number): Sharp {
  return sharp({ create: { width: side, height: side, channels: 3, background: '#777777' }, limitInputPixels: false });
}

/** An AVIF of 67 megapixels, as its header says: what follows is one of 16 x 16 pixels. */
async function hugeAvif(): Promise<Buffer> {
  const bytes = await flat(16).avif().toBuffer();
  const extents = bytes.indexOf('ispe');
  bytes.writeUInt32BE(8192, extents + 8);
  bytes.writeUInt32BE(8192, extents + 12);
  return bytes;
}

/** A HEIC or AVIF, padded to the largest size of a file: all of its bytes are loaded and passed on. */
function padded(picture: Buffer): Buffer {
  const free = Buffer.alloc(31_000_000);
  free.writeUInt32BE(free.length);
  free.write('free', 4);
  return Buffer.concat([picture, free]);
}

/** An AVIF that needs nearly all the memory that there is for one picture. */
async function costlyAvif(): Promise<Buffer> {
  return padded(await flat(3900).avif({ effort: 0, chromaSubsampling: '4:4:4' }).toBuffer());
}

/** Ten pictures of many kinds, most of them about 30 MB, none more than 32 MiB; it takes half a minute to make them. */
export async function makeBombs(): Promise<Bomb[]> {
  const makers: readonly (readonly [string, () => Promise<Buffer> | Buffer])[] = [
    ['noise.jpg', () => noise(16).jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer()],
    [
      'progressive.jpg',
      () => noise(16).jpeg({ quality: 90, chromaSubsampling: '4:4:4', progressive: true }).toBuffer(),
    ],
    ['noise.png', () => noise(10).png({ compressionLevel: 0 }).toBuffer()],
    ['interlaced.png', () => noise(7.5, 4).png({ compressionLevel: 1, progressive: true }).toBuffer()],
    [
      'tiles.tif',
      () => noise(8).tiff({ tile: true, tileWidth: 512, tileHeight: 512, compression: 'deflate' }).toBuffer(),
    ],
    ['noise.webp', () => noise(8).webp({ lossless: true, effort: 0 }).toBuffer()],
    ['huge.avif', hugeAvif],
    ['costly.avif', costlyAvif],
    ['padded.heic', () => padded(readFileSync(new URL('../fixtures/four-colours.heic', import.meta.url)))],
    ['flat.png', () => flat(8000).png().toBuffer()],
  ];
  const bombs: Bomb[] = [];
  for (const [name, make] of makers) bombs.push({ name, bytes: await make() });
  return bombs;
}
