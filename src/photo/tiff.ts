/**
 * Tags of a TIFF's directories that are needed before the file is decoded. The numbers of tags and values are from TIFF 6.0, BigTIFF,
 * TIFF/EP and DNG 1.7.
 */

const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  samples: 277,
  rowsPerStrip: 278,
  tileWidth: 322,
  tileHeight: 323,
  subDirectories: 330,
  sampleFormat: 339,
  dngVersion: 50706,
} as const;

/** Photometric interpretations of raw sensor values: a colour filter array (CFA), and linear raw. */
const RAW_PHOTOMETRIC = [32803, 34892];
/** Compressions that only cameras write: Sony's, Nikon's, Samsung's, Pentax's. */
const RAW_COMPRESSION = [32767, 32769, 32770, 34713, 65000, 65535];
/** Most entries of a directory, and most values of a tag, that are looked at: more than any camera writes. */
const MOST_ENTRIES = 500;
const MOST_VALUES = 16;
/** Bytes a value, by type (TIFF 6.0, section 2; BigTIFF's 16 to 18). Other types are not needed here. */
const BYTES_OF_TYPE: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** The values of a directory's tags, by number. */
type Directory = ReadonlyMap<number, readonly number[]>;

/** Whether a file starts as a TIFF or a BigTIFF. */
export function isTiff(bytes: Uint8Array): boolean {
  return formOf(bytes) !== undefined;
}

/** Whether a TIFF is a camera's raw file, which may hold smaller finished copies as well. */
export function isRaw(bytes: Uint8Array): boolean {
  const first = firstDirectory(bytes);
  if (first.has(TAG.dngVersion)) return true;
  const inner = (first.get(TAG.subDirectories) ?? []).map((at) => readDirectory(bytes, at));
  // The first picture is a small copy. The picture that it was made from is in a subdirectory.
  if (inner.length > 0 && (firstOf(first, TAG.subfileType, 0) & 1) === 1) return true;
  return [first, ...inner].some(
    (directory) =>
      RAW_PHOTOMETRIC.includes(firstOf(directory, TAG.photometric, 0)) ||
      RAW_COMPRESSION.includes(firstOf(directory, TAG.compression, 0)),
  );
}

/** Decoded bytes that must be in memory at once: a strip, or a row of tiles. */
export function largestBlock(bytes: Uint8Array): number {
  const first = firstDirectory(bytes);
  const width = firstOf(first, TAG.width, 0);
  const pixel = (firstOf(first, TAG.samples, 1) * firstOf(first, TAG.bits, 8)) / 8;
  const tileWidth = firstOf(first, TAG.tileWidth, 0);
  if (tileWidth > 0) return Math.ceil(width / tileWidth) * tileWidth * firstOf(first, TAG.tileHeight, 0) * pixel;
  // A file that does not say so has a single strip, which is read row by row.
  const rows = firstOf(first, TAG.rowsPerStrip, 1);
  if (rows > 0x7fff_ffff) return width * pixel;
  // Some writers name more rows than the picture has.
  return width * Math.min(rows, firstOf(first, TAG.height, 0) || rows) * pixel;
}

/** Whether a TIFF's samples are integers that the decoder would show in wrong colours: of more than 16 bits, or signed. */
export function hasOddSamples(bytes: Uint8Array): boolean {
  const first = firstDirectory(bytes);
  const format = firstOf(first, TAG.sampleFormat, UNSIGNED);
  return format === SIGNED || (format === UNSIGNED && firstOf(first, TAG.bits, 1) > 16);
}

const UNSIGNED = 1;
const SIGNED = 2;

function firstOf(directory: Directory, tag: number, otherwise: number): number {
  return directory.get(tag)?.[0] ?? otherwise;
}

/** The byte order (`isLittle`) and whether it is a BigTIFF (`isBig`, with offsets of 8 bytes); undefined for what is no TIFF. */
function formOf(bytes: Uint8Array): { readonly isLittle: boolean; readonly isBig: boolean } | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(4, bytes.length)).toString('latin1');
  switch (start) {
    case 'II*\0':
      return { isLittle: true, isBig: false };
    case 'MM\0*':
      return { isLittle: false, isBig: false };
    case 'II+\0':
      return { isLittle: true, isBig: true };
    case 'MM\0+':
      return { isLittle: false, isBig: true };
    default:
      return undefined;
  }
}

/** Reads unsigned integers anywhere in a file. Beyond its end they are 0. */
function reader(bytes: Uint8Array, isLittle: boolean): (at: number, length: 1 | 2 | 4 | 8) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (at, length) => {
    if (at < 0 || at + length > bytes.length) return 0;
    if (length === 1) return view.getUint8(at);
    if (length === 2) return view.getUint16(at, isLittle);
    if (length === 4) return view.getUint32(at, isLittle);
    return Number(view.getBigUint64(at, isLittle));
  };
}

function firstDirectory(bytes: Uint8Array): Directory {
  const form = formOf(bytes);
  if (form === undefined) return new Map();
  const read = reader(bytes, form.isLittle);
  return readDirectory(bytes, form.isBig ? read(8, 8) : read(4, 4));
}

function readDirectory(bytes: Uint8Array, start: number): Directory {
  const { isLittle, isBig } = formOf(bytes)!;
  const read = reader(bytes, isLittle);
  const offset = isBig ? 8 : 4;
  const entry = isBig ? 20 : 12;
  const count = Math.min(MOST_ENTRIES, isBig ? read(start, 8) : read(start, 2));
  const directory = new Map<number, readonly number[]>();
  for (let k = 0; k < count; k++) {
    const at = start + (isBig ? 8 : 2) + k * entry;
    const length = BYTES_OF_TYPE[read(at + 2, 2)];
    if (length === undefined) continue;
    const values = read(at + 4, offset);
    const field = at + 4 + offset;
    // Values that fit into the field are in it. Otherwise the field holds their offset.
    const from = values * length <= offset ? field : read(field, offset);
    const looked = Math.min(values, MOST_VALUES);
    directory.set(
      read(at, 2),
      Array.from({ length: looked }, (_, v) => read(from + v * length, length)),
    );
  }
  return directory;
}
