import { fileTypeFromBuffer } from 'file-type';
import { UserError } from '../base/errors.ts';
import { isRaw, isTiff } from './tiff.ts';

/** Formats that are decoded. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'heic';

/** File names of pictures, readable here or not. */
export const PICTURE_NAME = /\.(jpe?g|jpe|jfif|pjpeg|png|apng|webp|gif|avifs?|tiff?|hei[cf]s?|hif|bmp)$/i;

/** What a file is: a format that is decoded, another kind of picture, or another kind of document. The names are for people. */
type Kind = { readonly readable: PictureFormat } | { readonly picture: string } | { readonly document: string };

const VIDEO_OR_SOUND = 'a video or sound file';

/** Says what to do instead, in words that fit both a chat and a terminal. */
function tryInstead(what: string): string {
  return `Please try ${what} as a JPEG, PNG or WebP.`;
}

function startsWith(bytes: Uint8Array, signature: string, at = 0): boolean {
  for (let k = 0; k < signature.length; k++) if (bytes[at + k] !== signature.charCodeAt(k)) return false;
  return true;
}

/** Brands of an ISO media file ("ftyp" box, ISO/IEC 14496-12 4.3): the major one, then the compatible ones. */
function isoBrands(bytes: Uint8Array): string[] {
  if (bytes.length < 16 || !startsWith(bytes, 'ftyp', 4)) return [];
  const end = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 256);
  const brands: string[] = [];
  for (let at = 8; at + 4 <= end; at += 4) {
    // The second word is a version number, not a brand.
    if (at !== 12) brands.push(String.fromCharCode(...bytes.subarray(at, at + 4)));
  }
  return brands;
}

/** Pictures in ISO media files that cannot be decoded. */
const OTHER_BRANDS: readonly (readonly [brand: string, name: string])[] = [
  ['vvic', 'a VVC picture'],
  ['vvis', 'a VVC picture'],
  ['avci', 'an H.264 picture'],
  ['avcs', 'an H.264 picture'],
  ['evbi', 'an EVC picture'],
  ['j2ki', 'a JPEG 2000 picture'],
  ['jpgs', 'a JPEG picture in a HEIF file'],
];

function isoKind(bytes: Uint8Array): Kind | undefined {
  const brands = isoBrands(bytes);
  if (brands.length === 0) return undefined;
  if (brands.includes('avif') || brands.includes('avis')) return { readable: 'avif' };
  if (brands.some((brand) => /^(hei|hev)/.test(brand))) return { readable: 'heic' };
  const other = OTHER_BRANDS.find(([brand]) => brands.includes(brand));
  if (other) return { picture: other[1] };
  // These brands do not say how the picture is coded. Most are HEVC.
  if (brands.some((brand) => /^(mif1|msf1)/.test(brand))) return { readable: 'heic' };
  if (brands[0] === 'crx ') return RAW;
  return { document: VIDEO_OR_SOUND };
}

/** SVG and HTML are text: the first tag decides, after a byte order mark, white space, declarations and comments. */
function textKind(bytes: Uint8Array): Kind | undefined {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const head = Buffer.from(bytes.subarray(0, 4096))
    .toString('latin1')
    // Every other byte of a UTF-16 tag is 0. Without them the tag can be recognised.
    .replaceAll(isUtf16 ? '\0' : '\ufeff', '')
    .replace(/^(ï»¿|ÿþ|þÿ)/, '');
  const prolog = /^(\s|<\?.*?\?>|<!--.*?-->)*/s.exec(head)![0];
  const [, , name] = /^<(!DOCTYPE\s+)?(?:\w+:)?(\w+)/i.exec(head.slice(prolog.length)) ?? [];
  switch (name?.toLowerCase()) {
    case 'svg':
      return { picture: 'an SVG drawing' };
    case 'html':
    case 'head':
    case 'body':
      return { document: 'a web page' };
    default:
      return undefined;
  }
}

/** The library's types that are trusted. It guesses other types, such as sound, from too few bytes to tell people about them. */
const KINDS: Readonly<Record<string, Kind>> = {
  'image/jpeg': { readable: 'jpeg' },
  'image/gif': { readable: 'gif' },
  'image/webp': { readable: 'webp' },
  'image/bmp': { picture: 'a BMP picture' },
  'image/jxl': { picture: 'a JPEG XL picture' },
  'application/pdf': { document: 'a PDF document' },
};

/** Bytes that the library looks at: enough for the types above, and few enough that no file takes it long. */
const HEAD_BYTES = 4100;

async function kindOf(bytes: Uint8Array): Promise<Kind | undefined> {
  const container = containerKind(bytes);
  if (container) return container;
  const type = await fileTypeFromBuffer(bytes.subarray(0, HEAD_BYTES));
  return (type && KINDS[type.mime]) ?? textKind(bytes) ?? headerKind(bytes);
}

const RAW: Kind = { picture: 'a raw camera file' };
/** Raw files that do not start as a TIFF does: of Olympus, Panasonic, Fujifilm, Sigma, Minolta, Phase One, and older ones of Canon. */
const RAW_SIGNATURES = [
  'IIRO',
  'IIRS',
  'MMOR',
  'IIU\0',
  'FUJIFILMCCD-RAW',
  'FOVb',
  '\0MRM',
  'IIIITwaR',
  'MMMMRawT',
  'II\x1a\0\0\0HEAPCCDR',
];
/** What raw files of Canon and Phase One that are TIFFs have after the first eight bytes. */
const RAW_TIFFS = ['CR', 'IIIITwaR', 'MMMMRawT'];

/** Pictures that are no photos or cannot be decoded, by their signatures. */
const OTHER_PICTURES: readonly (readonly [signature: string, name: string])[] = [
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture'],
  ['8BPS', 'a Photoshop file'],
  ['8BPB', 'a Photoshop file'],
  ['DDS ', 'a DDS picture'],
  ['qoif', 'a QOI picture'],
  ['icns', 'an ICNS icon file'],
  ['\0\0\x01\0', 'an icon file (ICO)'],
  ['\x76\x2f\x31\x01', 'an OpenEXR picture'],
  ['#?RADIANCE', 'a Radiance HDR picture'],
  ['\xff\xd8\xff\xf7', 'a JPEG-LS picture'],
  ['\x8aMNG\r\n', 'an MNG animation'],
  ['\x8bJNG\r\n', 'a JNG picture'],
  ['BPG\xfb', 'a BPG picture'],
  ['FLIF', 'a FLIF picture'],
  ['gimp xcf', 'a GIMP file'],
  ['Paint Shop Pro Image File', 'a Paint Shop Pro file'],
  ['SIMPLE  =', 'a FITS picture'],
  ['%!PS', 'a PostScript drawing (EPS)'],
  ['\xc5\xd0\xd3\xc6', 'a PostScript drawing (EPS)'],
  ['\xd7\xcd\xc6\x9a', 'a Windows drawing (WMF)'],
  ['\x01\0\x09\0\0\x03', 'a Windows drawing (WMF)'],
  ['II\xbc', 'a JPEG XR picture'],
  ['\x59\xa6\x6a\x95', 'a Sun raster picture'],
  ['SDPX', 'a DPX picture'],
  ['XPDS', 'a DPX picture'],
  ['\x80\x2a\x5f\xd7', 'a Cineon picture'],
  ['farbfeld', 'a farbfeld picture'],
  ['\xabKTX ', 'a KTX texture'],
  ['\x13\xab\xa1\x5c', 'an ASTC texture'],
  ['PVR\x03', 'a PVR texture'],
  ['\x97JB2\r\n\x1a\n', 'a JBIG2 picture'],
  ['AT&TFORM', 'a DjVu document'],
  ['/* XPM */', 'an XPM picture'],
];

/** The same for pictures whose signature is further into the file. */
const FURTHER_IN: readonly (readonly [signature: string, at: number, name: string])[] = [
  // Xcode packs an app's pictures this way: a chunk before the header, and data that other decoders do not read.
  ['CgBI', 12, 'a PNG in a form of Apple’s own'],
  [' EMF', 40, 'a Windows drawing (EMF)'],
  ['ILBM', 8, 'an Amiga picture (ILBM)'],
  ['PCD_IPI', 2048, 'a Photo CD picture'],
  ['DICM', 128, 'a medical picture (DICOM)'],
  ['ACON', 8, 'an animated cursor (ANI)'],
  ['\0\x11\x02\xff\x0c\0', 522, 'a PICT drawing'],
];

/** Files that people post by mistake in place of a photo, by signature. */
const OTHER_FILES: readonly { readonly name: string; readonly signatures: readonly string[]; readonly at?: number }[] =
  [
    { name: 'a zip archive', signatures: ['PK\x03\x04', 'PK\x05\x06'] },
    // gzip, bzip2, xz, Zstandard, 7-Zip, RAR, and a tar.
    {
      name: 'a compressed file',
      signatures: ['\x1f\x8b', 'BZh', '\xfd7zXZ\0', '\x28\xb5\x2f\xfd', "7z\xbc\xaf'\x1c", 'Rar!\x1a\x07'],
    },
    { name: 'an archive', signatures: ['ustar'], at: 257 },
    // Matroska and WebM, Windows Media, Flash, MPEG's program streams and video, Ogg, FLAC, MP3 with notes before it.
    {
      name: VIDEO_OR_SOUND,
      signatures: [
        '\x1a\x45\xdf\xa3',
        '\x30\x26\xb2\x75\x8e\x66\xcf\x11',
        'FLV\x01',
        '\0\0\x01\xba',
        '\0\0\x01\xb3',
        'OggS',
        'fLaC',
        'ID3',
      ],
    },
    { name: VIDEO_OR_SOUND, signatures: ['AVI ', 'WAVE', 'AIFF', 'AIFC'], at: 8 },
    { name: 'an office document', signatures: ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'] },
  ];

/**
 * Container formats, told by their first bytes alone. The library would walk through the whole file to tell what is in it, and a
 * hostile file can make that take any time. Signatures are from the formats' own specifications.
 */
function containerKind(bytes: Uint8Array): Kind | undefined {
  for (const [signature, at, picture] of FURTHER_IN) if (startsWith(bytes, signature, at)) return { picture };
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return { readable: 'png' };
  if (RAW_SIGNATURES.some((signature) => startsWith(bytes, signature))) return RAW;
  if (isTiff(bytes)) {
    const isMarked = RAW_TIFFS.some((signature) => startsWith(bytes, signature, 8));
    return isMarked || isRaw(bytes) ? RAW : { readable: 'tiff' };
  }
  for (const [signature, picture] of OTHER_PICTURES) if (startsWith(bytes, signature)) return { picture };
  const iso = isoKind(bytes);
  if (iso) return iso;
  const other = OTHER_FILES.find(({ signatures, at = 0 }) => signatures.some((one) => startsWith(bytes, one, at)));
  return other && { document: other.name };
}

/** Pictures without a signature. Values in their headers decide, which may match by chance, so this comes last. */
function headerKind(bytes: Uint8Array): Kind | undefined {
  if (bytes.length < 18) return undefined;
  if (/^P[1-7fF][\s#]/.test(String.fromCharCode(...bytes.subarray(0, 3)))) return { picture: 'a PPM picture' };
  if (/^#define\s+\w+_width\s+\d/.test(String.fromCharCode(...bytes.subarray(0, 100))))
    return { picture: 'an XBM picture' };
  const [first, second, third, fourth] = bytes as unknown as [number, number, number, number];
  // ZSoft PCX: manufacturer, version, run lengths, bits of a pixel in a plane.
  const isPcx = first === 10 && [0, 2, 3, 4, 5].includes(second) && third === 1 && [1, 2, 4, 8].includes(fourth);
  if (isPcx) return { picture: 'a PCX picture' };
  // SGI: signature, whether it is compressed, bytes a sample.
  if (first === 0x01 && second === 0xda && third <= 1 && (fourth === 1 || fourth === 2))
    return { picture: 'an SGI picture' };
  if (endsWith(bytes, 'TRUEVISION-XFILE.\0') || isOldTarga(bytes)) return { picture: 'a TGA picture' };
  if (startsWith(bytes, '\0\0\x02\0')) return { picture: 'a cursor file (CUR)' };
  // MPEG transport stream: packets of 188 bytes, each beginning with this byte.
  if ([0, 188, 376].every((at) => bytes[at] === 0x47)) return { document: VIDEO_OR_SOUND };
  return undefined;
}

/** Truevision TGA 1.0, which has no signature: kind of colour map, kind of picture, a size, bits of a pixel, and bits that are 0. */
function isOldTarga(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [hasMap, kind] = [view.getUint8(1), view.getUint8(2)];
  const isMapped = kind === 1 || kind === 9;
  if (![1, 2, 3, 9, 10, 11].includes(kind) || hasMap !== (isMapped ? 1 : 0)) return false;
  if (!isMapped && [3, 4, 5, 6, 7].some((at) => view.getUint8(at) !== 0)) return false;
  if (view.getUint16(12, true) === 0 || view.getUint16(14, true) === 0) return false;
  return [8, 15, 16, 24, 32].includes(view.getUint8(16)) && (view.getUint8(17) & 0xc0) === 0;
}

function endsWith(bytes: Uint8Array, signature: string): boolean {
  return bytes.length >= signature.length && startsWith(bytes, signature, bytes.length - signature.length);
}

/**
 * Which picture format a file holds. Its content decides, not its name.
 * @throws UserError empty-file, not-a-picture, or unsupported-picture for pictures that are not photos or cannot be decoded
 */
export async function pictureFormat(bytes: Uint8Array): Promise<PictureFormat> {
  if (bytes.length === 0) throw new UserError('empty-file', 'This file is empty. Please try the original photo.');
  const kind = await kindOf(bytes);
  if (kind === undefined) {
    throw new UserError('not-a-picture', `This file is not a picture. ${tryInstead('the photo')}`);
  }
  if ('readable' in kind) return kind.readable;
  if ('picture' in kind) {
    throw new UserError(
      'unsupported-picture',
      `This is ${kind.picture}, which cannot be read here. ${tryInstead('it')}`,
    );
  }
  throw new UserError('not-a-picture', `This is ${kind.document}, not a picture. ${tryInstead('the photo itself')}`);
}
