import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { UserError, type UserErrorCode } from '../../src/base/errors.ts';
import { pictureFormat } from '../../src/photo/picture-format.ts';
import { SVG, ZIP } from '../fixtures/photos.ts';
import { tiff } from '../fixtures/tiffs.ts';

const bytes = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(64)]);
const iso = (...brands: string[]) =>
  Buffer.concat([
    Buffer.from([0, 0, 0, 12 + 4 * brands.length]),
    Buffer.from(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`, 'latin1'),
    Buffer.alloc(64),
  ]);

const VERSIONED = iso('isom', 'iso2');
VERSIONED.write('heic', 12, 'latin1');

/** The header of a TGA of 16 x 16 pixels of 24 bits, and its pixels. */
const TARGA = Buffer.alloc(18 + 16 * 16 * 3, 90);
TARGA.fill(0, 0, 18).set([2], 2);
TARGA.set([16, 0, 16, 0, 24, 0x20], 12);

describe('pictureFormat', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('knows a %s that sharp wrote', async (format) => {
    const file = await sharp({ create: { width: 16, height: 16, channels: 3, background: 'teal' } })
      .toFormat(format)
      .toBuffer();
    expect(await pictureFormat(file)).toBe(format);
  });

  it('takes a HEIF container with AVIF among its compatible brands for AVIF', async () => {
    expect(await pictureFormat(iso('mif1', 'mif1', 'avif'))).toBe('avif');
  });

  it('takes a TIFF with smaller copies of itself for a picture, and tells HEIC from AVIF', async () => {
    expect(await pictureFormat(tiff({}, { 254: 1 }))).toBe('tiff');
    expect(await pictureFormat(iso('heic', 'mif1', 'heic'))).toBe('heic');
    expect(await pictureFormat(iso('avis', 'avif', 'msf1', 'mif1'))).toBe('avif');
  });

  it('knows a PNG whose pixels come after a large colour profile, and a TIFF whose directory comes last', async () => {
    const png = await sharp({ create: { width: 16, height: 16, channels: 3, background: 'teal' } })
      .png()
      .toBuffer();
    const profile = Buffer.concat([Buffer.from([0, 0, 0x40, 0]), Buffer.from('iCCP'), Buffer.alloc(0x4000 + 4)]);
    const header = 8 + 25;
    expect(await pictureFormat(Buffer.concat([png.subarray(0, header), profile, png.subarray(header)]))).toBe('png');
    const tiff = Buffer.concat([Buffer.from('II*\0\0\0\x01\0', 'latin1'), Buffer.alloc(0x10000)]);
    expect(await pictureFormat(tiff)).toBe('tiff');
  });

  it.each<[string, Buffer, UserErrorCode, RegExp]>([
    ['an empty file', Buffer.alloc(0), 'empty-file', /empty/],
    ['noise', Buffer.from([1, 2, 3, 4, 5, 6]), 'not-a-picture', /not a picture/],
    ['JPEG-LS', bytes('\xff\xd8\xff\xf7\0\x0b'), 'unsupported-picture', /JPEG-LS/],
    ['MNG', bytes('\x8aMNG\r\n\x1a\n'), 'unsupported-picture', /MNG animation/],
    ['JNG', bytes('\x8bJNG\r\n\x1a\n'), 'unsupported-picture', /JNG/],
    ['BPG', bytes('BPG\xfb'), 'unsupported-picture', /BPG/],
    ['FLIF', bytes('FLIF31'), 'unsupported-picture', /FLIF/],
    ['GIMP', bytes('gimp xcf v011'), 'unsupported-picture', /GIMP/],
    ['FITS', bytes('SIMPLE  =                    T'), 'unsupported-picture', /FITS/],
    ['EPS', bytes('%!PS-Adobe-3.0 EPSF-3.0\n'), 'unsupported-picture', /PostScript/],
    ['EPS with a preview', bytes('\xc5\xd0\xd3\xc6'), 'unsupported-picture', /PostScript/],
    ['JPEG XR', bytes('II\xbc\x01\x20\0\0\0'), 'unsupported-picture', /JPEG XR/],
    ['SGI', bytes('\x01\xda\x01\x01\0\x03'), 'unsupported-picture', /SGI/],
    ['Sun', bytes('\x59\xa6\x6a\x95'), 'unsupported-picture', /Sun/],
    ['DPX', bytes('SDPX'), 'unsupported-picture', /DPX/],
    ['Cineon', bytes('\x80\x2a\x5f\xd7'), 'unsupported-picture', /Cineon/],
    ['farbfeld', bytes('farbfeld'), 'unsupported-picture', /farbfeld/],
    ['KTX', bytes('\xabKTX 20\xbb\r\n\x1a\n'), 'unsupported-picture', /KTX/],
    ['ASTC', bytes('\x13\xab\xa1\x5c\x06'), 'unsupported-picture', /ASTC/],
    ['PVR', bytes('PVR\x03'), 'unsupported-picture', /PVR/],
    ['JBIG2', bytes('\x97JB2\r\n\x1a\n'), 'unsupported-picture', /JBIG2/],
    ['DjVu', bytes('AT&TFORM\0\0\0\x10DJVU'), 'unsupported-picture', /DjVu/],
    ['XPM', bytes('/* XPM */\nstatic char *x[] = {'), 'unsupported-picture', /XPM/],
    ['a program in C', bytes('#define WIDTH 16\n'), 'not-a-picture', /not a picture/],
    ['XBM', bytes('#define x_width 16\n'), 'unsupported-picture', /XBM/],
    ['an animated cursor', bytes('RIFF\x20\0\0\0ACON'), 'unsupported-picture', /ANI/],
    ['PICT', Buffer.concat([Buffer.alloc(522), bytes('\0\x11\x02\xff\x0c\0')]), 'unsupported-picture', /PICT/],
    ['HEIF of VVC', iso('mif1', 'vvic'), 'unsupported-picture', /VVC/],
    ['HEIF of H.264', iso('avci', 'mif1'), 'unsupported-picture', /H.264/],
    ['HEIF of JPEG 2000', iso('j2ki', 'mif1'), 'unsupported-picture', /JPEG 2000/],
    ['a raw file of Phase One', bytes('IIIITwaR'), 'unsupported-picture', /raw camera/],
    ['WMF', bytes('\xd7\xcd\xc6\x9a'), 'unsupported-picture', /WMF/],
    ['EMF', bytes(`\x01${'\0'.repeat(39)} EMF`), 'unsupported-picture', /EMF/],
    ['DICOM', bytes(`${'\0'.repeat(128)}DICM`), 'unsupported-picture', /DICOM/],
    ['a PNG of Xcode', bytes('\x89PNG\r\n\x1a\n\0\0\0\x04CgBI'), 'unsupported-picture', /PNG in a form of Apple/],
    ['a single byte', Buffer.from([0xff]), 'not-a-picture', /not a picture/],
    ['plain text', Buffer.from('hello <svg'), 'not-a-picture', /not a picture/],
    ['a zip', ZIP, 'not-a-picture', /zip archive/],
    ['a PDF', bytes('%PDF-1.7'), 'not-a-picture', /PDF/],
    ['a compressed SVG', bytes('\x1f\x8b\x08'), 'not-a-picture', /compressed/],
    ['a web page', Buffer.from('<!DOCTYPE html><html><svg></svg></html>'), 'not-a-picture', /web page/],
    ['a zip with nothing in it', bytes('PK\x05\x06'), 'not-a-picture', /zip archive/],
    ['a video', iso('isom', 'iso2', 'mp41'), 'not-a-picture', /video/],
    ['a video whose version number reads like a brand', VERSIONED, 'not-a-picture', /video/],
    ['an SVG', SVG, 'unsupported-picture', /SVG/],
    ['an SVG after a byte order mark', Buffer.from('\ufeff  <svg>'), 'unsupported-picture', /SVG/],
    ['an SVG in UTF-16', Buffer.from('\ufeff<svg width="9">', 'utf16le'), 'unsupported-picture', /SVG/],
    ['an SVG with a prefix', Buffer.from('<s:svg xmlns:s="x">'), 'unsupported-picture', /SVG/],
    ['a BMP', bytes('BM'), 'unsupported-picture', /BMP.*JPEG/],
    ['a JPEG XL', bytes('\xff\x0a'), 'unsupported-picture', /JPEG XL/],
    ['a JPEG XL in boxes', bytes('\0\0\0\x0cJXL '), 'unsupported-picture', /JPEG XL/],
    ['a JPEG 2000', bytes('\0\0\0\x0cjP  '), 'unsupported-picture', /JPEG 2000/],
    ['a Photoshop file', bytes('8BPS'), 'unsupported-picture', /Photoshop/],
    ['an icon', bytes('\0\0\x01\0'), 'unsupported-picture', /icon/],
    ['a cursor', bytes('\0\0\x02\0'), 'unsupported-picture', /cursor/],
    ['a JPEG 2000 without boxes', bytes('\xff\x4f\xff\x51\0\x2f'), 'unsupported-picture', /JPEG 2000/],
    ['an ICNS', bytes('icns\0\0\x10\0'), 'unsupported-picture', /ICNS/],
    ['a DDS', bytes('DDS |\0\0\0'), 'unsupported-picture', /DDS/],
    ['a QOI', bytes('qoif\0\0\0\x10'), 'unsupported-picture', /QOI/],
    ['a PPM', bytes('P6\n16 16\n255\n'), 'unsupported-picture', /PPM/],
    ['a PCX', bytes('\x0a\x05\x01\x08\0\0\0\0\x0f\0\x0f\0'), 'unsupported-picture', /PCX/],
    ['a TGA', TARGA, 'unsupported-picture', /TGA/],
    [
      'a TGA with its signature',
      Buffer.concat([Buffer.from(TARGA).fill(0x11, 3, 8), Buffer.from('TRUEVISION-XFILE.\0')]),
      'unsupported-picture',
      /TGA/,
    ],
    ['a raw photo (DNG)', tiff({ 50706: 0x0104 }), 'unsupported-picture', /raw camera/],
    ['a raw photo (NEF) by its thumbnail', tiff({ 254: 1 }, { 259: 34713 }), 'unsupported-picture', /raw camera/],
    ['a raw photo (ARW) by what lies behind', tiff({ 259: 6 }, { 262: 32803 }), 'unsupported-picture', /raw camera/],
    ['a raw photo (PEF)', tiff({ 259: 65535 }), 'unsupported-picture', /raw camera/],
    ['a raw photo (ORF)', bytes('IIRO\x08\0\0\0'), 'unsupported-picture', /raw camera/],
    ['a raw photo (CR2)', bytes('II*\0\x10\0\0\0CR'), 'unsupported-picture', /raw/],
    ['a raw photo (CRW)', bytes('II\x1a\0\0\0HEAPCCDR'), 'unsupported-picture', /raw camera/],
    ['a raw photo (IIQ)', bytes('II*\0\x10\0\0\0IIIITwaR'), 'unsupported-picture', /raw camera/],
    ['ILBM', bytes('FORM\0\0\x01\0ILBMBMHD'), 'unsupported-picture', /ILBM/],
    ['Photo CD', Buffer.concat([Buffer.alloc(2048), bytes('PCD_IPI')]), 'unsupported-picture', /Photo CD/],
    ['Paint Shop Pro', bytes('Paint Shop Pro Image File\n\x1a'), 'unsupported-picture', /Paint Shop/],
    ['a WMF without a size', bytes('\x01\0\x09\0\0\x03'), 'unsupported-picture', /WMF/],
    ['Matroska', bytes('\x1a\x45\xdf\xa3\x9f'), 'not-a-picture', /video/],
    ['Windows Media', bytes('\x30\x26\xb2\x75\x8e\x66\xcf\x11'), 'not-a-picture', /video/],
    ['Flash video', bytes('FLV\x01\x05'), 'not-a-picture', /video/],
    ['AVI', bytes('RIFF\0\0\x01\0AVI LIST'), 'not-a-picture', /video/],
    ['WAV', bytes('RIFF\0\0\x01\0WAVEfmt '), 'not-a-picture', /sound/],
    ['AIFF', bytes('FORM\0\0\x01\0AIFFCOMM'), 'not-a-picture', /sound/],
    ['MP3', bytes('ID3\x04\0\0'), 'not-a-picture', /sound/],
    ['MPEG', bytes('\0\0\x01\xba\x44\0'), 'not-a-picture', /video/],
    ['MPEG in packets', bytes(`G${'\0'.repeat(187)}`.repeat(3)), 'not-a-picture', /video/],
    ['a 7-Zip', bytes("7z\xbc\xaf'\x1c\0\x04"), 'not-a-picture', /compressed/],
    ['a tar', Buffer.concat([Buffer.alloc(257), bytes('ustar\x0000')]), 'not-a-picture', /archive/],
    ['an old Word document', bytes('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), 'not-a-picture', /office/],
    ['a raw photo (CR3)', iso('crx ', 'crx '), 'unsupported-picture', /raw/],
  ])('refuses %s', async (_, file, code, words) => {
    let thrown: unknown;
    try {
      await pictureFormat(file);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UserError);
    expect((thrown as UserError).code).toBe(code);
    expect((thrown as UserError).message).toMatch(words);
    expect((thrown as UserError).message).toMatch(/[Pp]lease/);
  });
});
