import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** Photos that can be read, whatever is found in them. */
export const GOOD = [
  'small.jpg',
  'as-shipped.jpg',
  'small.png',
  'small.webp',
  'turned.jpg',
  'wall.jpg',
  'IMG_0042',
] as const;
/** Files that are refused in words. */
export const BAD = [
  'cut.jpg',
  'text.png',
  'huge.png',
  'drawing.svg',
  'empty.jpg',
  'document.jpg',
  'layers.psd',
] as const;

export type PhotoKind = (typeof GOOD)[number] | (typeof BAD)[number];

/** A file as somebody posts it. */
export interface SoakPhoto {
  readonly name: string;
  readonly bytes: Buffer;
  /** As the chat tells it; null where it tells none. */
  readonly type: string | null;
}

const SAMPLE = new URL('../../assets/sample.jpg', import.meta.url);
const SMALL_WIDTH = 640;

/** Every kind of file, from the project's own photo. */
export async function makePhotos(): Promise<ReadonlyMap<PhotoKind, SoakPhoto>> {
  const sample = await readFile(SAMPLE);
  const small = () => sharp(sample).resize(SMALL_WIDTH);
  const jpeg = await small().jpeg().toBuffer();
  const files: Readonly<Record<PhotoKind, readonly [Buffer, string | null]>> = {
    'small.jpg': [jpeg, 'image/jpeg'],
    'as-shipped.jpg': [sample, 'image/jpeg'],
    'small.png': [await small().png().toBuffer(), 'image/png'],
    'small.webp': [await small().webp().toBuffer(), 'image/webp'],
    'turned.jpg': [await small().withMetadata({ orientation: 6 }).jpeg().toBuffer(), 'image/jpeg'],
    'wall.jpg': [await flat(SMALL_WIDTH).jpeg().toBuffer(), 'image/jpeg'],
    // Neither name nor type: its bytes tell.
    IMG_0042: [jpeg, null],
    'cut.jpg': [jpeg.subarray(0, Math.floor(jpeg.length / 2)), 'image/jpeg'],
    'text.png': [Buffer.from('This is no picture. '.repeat(50)), 'image/png'],
    'huge.png': [await hugePng(), 'image/png'],
    'drawing.svg': [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'image/svg+xml'],
    'empty.jpg': [Buffer.alloc(0), 'image/jpeg'],
    'document.jpg': [Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n'), 'image/jpeg'],
    'layers.psd': [Buffer.concat([Buffer.from('8BPS\0\x01'), Buffer.alloc(40)]), 'image/vnd.adobe.photoshop'],
  };
  return new Map(
    Object.entries(files).map(([name, [bytes, type]]) => [name as PhotoKind, { name, bytes, type }] as const),
  );
}

function flat(side: number) {
  return sharp({ create: { width: side, height: side, channels: 3, background: '#c8beb4' } });
}

/** A PNG of 3,600 megapixels, as its header says. */
async function hugePng(): Promise<Buffer> {
  const bytes = await flat(16).png().toBuffer();
  // After the signature and the length: IHDR, width, height, five more bytes, and the checksum of all these.
  const header = 12;
  bytes.writeUInt32BE(60_000, header + 4);
  bytes.writeUInt32BE(60_000, header + 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(header, header + 17)), header + 17);
  return bytes;
}
