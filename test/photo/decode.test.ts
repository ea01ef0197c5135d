import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32, gunzipSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type DecodedPhoto, decodePhoto, WORKING_SIDE } from '../../src/photo/decode.ts';
import { decodeApart } from '../../src/photo/decoder/decoder.ts';
import { pictureSequence } from '../../src/photo/decoder/picture-sequence.ts';
import { reusingPixels, takePixels } from '../../src/photo/shared-pixels.ts';
import { fourColours, hugePng, pixel, SVG, sampleBytes, ZIP } from '../fixtures/photos.ts';
import { tiff } from '../fixtures/tiffs.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';

const decode = (file: Uint8Array, limits = {}) => decodePhoto(file, { ...DEFAULT_LIMITS, ...limits });
const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
/** A flat gray picture, quick to make however large. */
const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#777777' }, limitInputPixels: false });

/** Pictures that several tests read, each made once. The PNG takes longer to decode than a few milliseconds; the AVIF is decoded alone. */
const slowPng = shared(() => flat(5000, 5000).png({ compressionLevel: 1 }).toBuffer());
const smallJpeg = shared(() => sharp(sampleBytes(5)).resize(250).jpeg().toBuffer());
const progressiveJpeg = shared(() => sharp(sampleBytes(5)).resize(1000).jpeg({ progressive: true }).toBuffer());
const costlyAvif = shared(() => flat(3000, 2250).avif({ effort: 0 }).toBuffer());

function shared(make: () => Promise<Buffer>): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined;
  return () => (made ??= make());
}

/** Stands for a decoded photo in a failed assertion: printing the pixels themselves would take gigabytes. */
const widthOf = async (photo: Promise<DecodedPhoto>) => (await photo).width;

/** Ids of a process's children that run the decoder (proc(5)). */
async function childrenOf(pid: number): Promise<number[]> {
  const isDecoder = async (id: string) => {
    const [status, command] = await Promise.all(
      ['stat', 'cmdline'].map((name) => readFile(`/proc/${id}/${name}`, 'utf8').catch(() => '')),
    );
    return (
      status!.slice(status!.lastIndexOf(')')).split(' ')[2] === String(pid) && command!.includes('decoder-process')
    );
  };
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(ids.map(isDecoder));
  return ids.filter((_, k) => found[k]).map(Number);
}

const isSame = (a: DecodedPhoto, b: DecodedPhoto) => Buffer.compare(a.image.data, b.image.data) === 0;

/** A JPEG with a part of its last scan gone, and its end mark in place. */
function cutScan(whole: Buffer, part: number): Buffer {
  const scan = whole.lastIndexOf(Buffer.from([0xff, 0xda]));
  const end = whole.lastIndexOf(Buffer.from([0xff, 0xd9]));
  return Buffer.concat([whole.subarray(0, end - Math.round((end - scan) * part)), Buffer.from([0xff, 0xd9])]);
}

/** A PNG of which there is no more than its header. */
function pngHeader(width: number, height: number, bits: number, interlaced: boolean): Buffer {
  const body = Buffer.alloc(17);
  body.write('IHDR');
  body.writeUInt32BE(width, 4);
  body.writeUInt32BE(height, 8);
  body.set([bits, 6, 0, 0, interlaced ? 1 : 0], 12);
  const data = Buffer.from('IDAT\x78\x9c\x03\0\0\0\0\x01', 'latin1');
  const chunk = (part: Buffer) => {
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(part.length - 4);
    ends.writeUInt32BE(crc32(part), 4);
    return Buffer.concat([ends.subarray(0, 4), part, ends.subarray(4)]);
  };
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...[body, data, Buffer.from('IEND')].map(chunk)]);
}

describe('decodePhoto', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('reads a %s', async (format) => {
    const file = await fourColours(64, 48).toFormat(format).toBuffer();
    const photo = await decode(file);
    expect([photo.width, photo.height, photo.image.width, photo.image.height]).toEqual([64, 48, 64, 48]);
    expect(photo.image.data.length).toBe(64 * 48 * 3);
    const [red, green, blue] = pixel(photo.image, 8, 8);
    expect(red).toBeGreaterThan(240);
    expect(Math.max(green!, blue!)).toBeLessThan(20);
  });

  it.each<[string, (file: Sharp) => Sharp, number]>([
    ['16 bits a channel', (file) => file.toColourspace('rgb16').png(), 2],
    ['a palette', (file) => file.png({ palette: true }), 2],
    // Inks do not reach every colour of a screen.
    ['CMYK', (file) => file.toColourspace('cmyk').jpeg({ quality: 100 }), 60],
  ])('reads %s as 8-bit sRGB', async (_, convert, tolerance) => {
    const file = await convert(sharp(await fourColours(64, 48).png().toBuffer())).toBuffer();
    const [red, green, blue] = pixel((await decode(file)).image, 8, 8);
    expect(red).toBeGreaterThanOrEqual(255 - tolerance);
    expect(green).toBeLessThanOrEqual(tolerance);
    expect(blue).toBeLessThanOrEqual(tolerance);
  });

  it('reads a gray picture as three equal channels', async () => {
    const file = await sharp(Buffer.from([0, 90, 180, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).channels).toBe(1);
    expect([...(await decode(file)).image.data]).toEqual([0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255]);
  });

  it('lays transparency on white', async () => {
    const file = await sharp({ create: { width: 20, height: 20, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    expect(pixel((await decode(file)).image, 5, 5)).toEqual([255, 255, 255]);
  });

  // Where the red, the upper left quarter of the stored picture, is in the upright one (EXIF 2.32, tag Orientation).
  it.each([
    [1, 8, 8, 64, 48],
    [2, 56, 8, 64, 48],
    [3, 56, 40, 64, 48],
    [4, 8, 40, 64, 48],
    [5, 8, 8, 48, 64],
    [6, 40, 8, 48, 64],
    [7, 40, 56, 48, 64],
    [8, 8, 56, 48, 64],
  ])('turns a photo of EXIF orientation %i upright', async (orientation, x, y, width, height) => {
    const file = await fourColours(64, 48).jpeg({ quality: 100 }).withMetadata({ orientation }).toBuffer();
    const photo = await decode(file);
    expect([photo.width, photo.height]).toEqual([width, height]);
    const [red, green, blue] = pixel(photo.image, x, y);
    expect(red! > 200 && green! < 60 && blue! < 60).toBe(true);
  });

  it('reads the first frame of an animation', async () => {
    const frame = (background: string) =>
      sharp({ create: { width: 20, height: 10, channels: 3, background } })
        .png()
        .toBuffer();
    const file = await sharp([await frame('#ff0000'), await frame('#0000ff')], { join: { animated: true } })
      .gif({ delay: [100, 100] })
      .toBuffer();
    expect((await sharp(file).metadata()).pages).toBe(2);
    const photo = await decode(file);
    expect([photo.width, photo.height]).toEqual([20, 10]);
    expect(pixel(photo.image, 3, 3)).toEqual([255, 0, 0]);
  });

  it('keeps a small photo as it is, and shrinks a large one but says how large it was', async () => {
    const file = await sharp({ create: { width: 5000, height: 2500, channels: 3, background: 'gray' } })
      .jpeg()
      .toBuffer();
    const photo = await decode(file);
    expect([photo.width, photo.height]).toEqual([5000, 2500]);
    expect([photo.image.width, photo.image.height]).toEqual([WORKING_SIDE, WORKING_SIDE / 2]);
  });

  it('refuses a 225-megapixel PNG by its header, and says how large it is', async () => {
    await expect(decode(hugePng())).rejects.toMatchObject({
      code: 'too-many-pixels',
      message: expect.stringContaining('15000 x 15000'),
    });
  });

  it('refuses a file of too many bytes before looking at it', async () => {
    await expect(decode(new Uint8Array(1001), { maxBytes: 1000 })).rejects.toMatchObject({ code: 'too-large' });
  });

  it.each([0.01, 0.3, 0.7, 0.97])('refuses a JPEG of which %f is there', async (part) => {
    const whole = sampleBytes(1);
    const cut = whole.subarray(0, Math.floor(whole.length * part));
    await expect(decode(cut)).rejects.toMatchObject({ code: 'cut-picture' });
  });

  it.each(['png', 'webp', 'gif', 'tiff', 'avif'] as const)('refuses a cut %s', async (format) => {
    const whole = await sharp(sampleBytes(2)).resize(320).toFormat(format).toBuffer();
    await expect(decode(whole.subarray(0, whole.length / 2))).rejects.toMatchObject({ code: 'cut-picture' });
  });

  it('reads a JPEG that lacks only its end mark', async () => {
    const whole = sampleBytes(1);
    const end = whole.lastIndexOf(Buffer.from([0xff, 0xd9]));
    expect(isSame(await decode(whole.subarray(0, end)), await decode(whole))).toBe(true);
  });

  it.each([0.001, 0.01, 0.1, 0.5])('refuses a JPEG of whose scan %f is missing before the end mark', async (part) => {
    for (const whole of [sampleBytes(1), sampleBytes(4), await smallJpeg(), await progressiveJpeg()]) {
      await expect(decode(cutScan(whole, part))).rejects.toMatchObject({ code: 'cut-picture' });
    }
  });

  it.each(['4:2:0', '4:4:4'])(
    'refuses a JPEG of colours %s that lacks its last few bytes',
    async (chromaSubsampling) => {
      for (const height of [61, 64]) {
        const whole = await sharp(sampleBytes(5)).resize(90, height).jpeg({ chromaSubsampling }).toBuffer();
        const cut = Buffer.concat([whole.subarray(0, -6), whole.subarray(-2)]);
        await expect(decode(cut)).rejects.toMatchObject({ code: 'cut-picture' });
        expect(isSame(await decode(whole.subarray(0, -2)), await decode(whole))).toBe(true);
      }
    },
  );

  it('reads a JPEG with what does no harm in and behind it', async () => {
    const whole = sampleBytes(3);
    const photo = await decode(whole);
    // Bytes that belong to nothing before a marker, which the decoder warns of; a video behind the picture, as phones add it.
    const strewn = Buffer.concat([whole.subarray(0, 2), Buffer.from([0xff, 0xff, 0xff]), whole.subarray(2)]);
    const moving = Buffer.concat([whole, Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(5000, 0xff)]);
    for (const file of [strewn, moving]) expect(isSame(await decode(file), photo)).toBe(true);
  });

  it('reads a HEIC, an animated AVIF and a BigTIFF', async () => {
    const bigTiff = await fourColours(64, 48).tiff({ bigtiff: true, compression: 'deflate' }).toBuffer();
    expect(bigTiff.toString('latin1', 0, 3)).toBe('II+');
    const heic = fixture('four-colours.heic');
    const animated = fixture('animated.avif');
    expect(animated.toString('latin1', 4, 12)).toBe('ftypavis');
    for (const file of [heic, animated, bigTiff]) {
      const photo = await decode(file);
      expect([photo.width, photo.height]).toEqual([64, 48]);
      const near = (x: number, y: number, colour: number[]) => {
        for (const [k, value] of pixel(photo.image, x, y).entries())
          expect(Math.abs(value - colour[k]!)).toBeLessThan(12);
      };
      near(8, 8, [255, 0, 0]);
      near(56, 8, [0, 255, 0]);
      near(8, 40, [0, 0, 255]);
      near(56, 40, [128, 128, 128]);
    }
    await expect(decode(heic.subarray(0, heic.length - 200))).rejects.toMatchObject({ code: 'cut-picture' });
  });

  it('says which frame of an animated AVIF it read, the first that shows something', async () => {
    expect((await decode(fixture('animated.avif'))).frame).toEqual({ number: 1, of: 2 });
    expect((await decode(await fourColours(64, 48).avif().toBuffer())).frame).toBeUndefined();
    // White, then four colours, then white: avifenc --keyframe 1 white.png four.png white.png blank-first.avif
    const blankFirst = fixture('blank-first.avif');
    const photo = await decode(blankFirst);
    expect(photo.frame).toEqual({ number: 2, of: 3 });
    for (const [k, value] of pixel(photo.image, 8, 8).entries())
      expect(Math.abs(value - [255, 0, 0][k]!)).toBeLessThan(12);
  });

  it('reads an AVIF whose frames are made of others, and a HEIC that is nothing but frames', async () => {
    for (const name of ['black-first.avif', 'black-first.heics']) {
      const photo = await decode(fixture(name));
      expect(photo.frame).toEqual({ number: 2, of: 2 });
      for (const [k, value] of pixel(photo.image, 56, 8).entries())
        expect(Math.abs(value - [0, 255, 0][k]!)).toBeLessThan(40);
    }
  });

  describe('of an animated AVIF whose frames are wanted', () => {
    const wanted = { most: 24, maxSide: 32 };
    const decodeFrames = async (file: Buffer) => await decodePhoto(file, DEFAULT_LIMITS, undefined, wanted);

    it('decodes each, made of others or not, and says how long it is shown', async () => {
      const [black, colours] = (await decodeFrames(fixture('black-first.avif'))).animation!.frames;
      expect([black!.width, black!.height]).toEqual([32, 24]);
      expect(Math.max(...pixel(black!, 28, 4))).toBeLessThan(20);
      expect(pixel(colours!, 28, 4)[1]).toBeGreaterThan(200);
      const photo = await decodeFrames(fixture('blank-first.avif'));
      expect(photo).toMatchObject({
        width: 64,
        height: 48,
        animation: { of: 3, milliseconds: [100, 100, 100], loop: 0 },
      });
      expect(photo.frame).toBeUndefined();
      expect(photo.animation!.frames.map((frame) => pixel(frame, 28, 4)[0]! > 128)).toEqual([true, false, true]);
    });

    it('lays what is transparent on white', async () => {
      // Left transparent with black beneath, right red, then blue: avifenc --timescale 4 red.png blue.png transparent.avif
      const { frames, milliseconds } = (await decodeFrames(fixture('transparent.avif'))).animation!;
      expect(milliseconds).toEqual([250, 250]);
      for (const frame of frames) expect(Math.min(...pixel(frame, 4, 12))).toBeGreaterThan(240);
      const reds = frames.map((frame) => pixel(frame, 28, 12)[0]! > 128);
      expect(reds).toEqual([true, false]);
    });

    it('reads the first one where another is damaged', async () => {
      const damaged = Buffer.from(fixture('black-first.avif'));
      const second = pictureSequence(damaged)!.still(1)!.subarray(-100);
      damaged.fill(0xff, damaged.indexOf(second), damaged.indexOf(second) + second.length);
      const photo = await decodeFrames(damaged);
      expect(photo.animation).toBeUndefined();
      expect(photo.frame).toEqual({ number: 1, of: 2 });
    });
  });

  it('reads a TIFF of floating-point samples, with a profile of its colours as well', async () => {
    const grays = sharp({ create: { width: 16, height: 16, channels: 3, background: '#808080' } });
    const plain = await grays.clone().toColourspace('scrgb').tiff({ compression: 'none' }).toBuffer();
    const { icc } = await sharp(await grays.withIccProfile('srgb').jpeg().toBuffer()).metadata();
    for (const file of [plain, withProfile(plain, icc!)]) {
      const { data } = (await decode(file)).image;
      for (const sample of data) expect(Math.abs(sample - 0x80)).toBeLessThan(3);
    }
  });

  it('says that a TIFF or a JPEG is of a kind that cannot be read, and does not call it damaged', async () => {
    expect((await decode(tiff({}))).width).toBe(16);
    // A strip of more rows than the picture has.
    expect((await decode(tiff({ 278: 2_000_000_000 }))).width).toBe(16);
    const kinds = {
      jbig: { 259: 34661 },
      lerc: { 259: 34887 },
      lzma: { 259: 34925 },
      complex: { 258: 32, 339: 5 },
      'whole numbers of 32 bits': { 258: 32, 279: 1024 },
      'with a sign': { 258: 16, 339: 2, 279: 512 },
      'eight bits of Lab': { 262: 8, 277: 1 },
    };
    for (const tags of Object.values(kinds)) {
      await expect(decode(tiff(tags))).rejects.toMatchObject({ code: 'unsupported-picture' });
    }
    // Kinds of JPEG: twelve bits a sample, hierarchical, and lossless with arithmetic coding.
    const jpeg = await flat(16, 16).jpeg().toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    for (const [marker, bits] of [
      [0xc1, 12],
      [0xc5, 8],
      [0xcb, 8],
    ] as const) {
      const other = Buffer.from(jpeg);
      other[frame + 1] = marker;
      other[frame + 4] = bits;
      await expect(decode(other)).rejects.toMatchObject({ code: 'unsupported-picture' });
    }
    await expect(decode(tiff({ 273: 99_999 }))).rejects.toMatchObject({ code: 'cut-picture' });
  });

  it('refuses what takes too much memory by its header, and says so', async () => {
    const avif = await flat(16, 16).avif().toBuffer();
    const extents = avif.indexOf('ispe');
    avif.writeUInt32BE(8000, extents + 8);
    avif.writeUInt32BE(8000, extents + 12);
    const progressive = await flat(16, 16).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer();
    const frame = progressive.indexOf(Buffer.from([0xff, 0xc2]));
    progressive.writeUInt16BE(8000, frame + 5);
    progressive.writeUInt16BE(8000, frame + 7);
    const tiled = await flat(8200, 100)
      .tiff({ tile: true, tileWidth: 4096, tileHeight: 4096, compression: 'deflate' })
      .toBuffer();
    for (const file of [
      avif,
      progressive,
      tiled,
      pngHeader(8192, 8192, 16, true),
      pngHeader(67_108_863, 1, 8, false),
    ]) {
      await expect(widthOf(decode(file))).rejects.toMatchObject({ code: 'too-many-pixels', message: /memory/ });
    }
  });

  it('reads a costly picture once no other walk holds pixels, and makes way for others until then', async () => {
    const avif = await costlyAvif();
    let end = () => {};
    const other = reusingPixels(async () => {
      takePixels(3);
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    // No other walk may get its pixels, nor those of the frames that were read before.
    const own = (patienceMilliseconds: number) =>
      reusingPixels(async () => {
        takePixels(3);
        const { width, image } = await decode(avif, { patienceMilliseconds });
        return [width, image.width, pixel(image, 1000, 1000)];
      });
    const begun = own(200);
    expect((await decode(await flat(20, 10).png().toBuffer())).width).toBe(20);
    end();
    await other;
    expect(await begun).toEqual([3000, WORKING_SIDE, [0x77, 0x77, 0x77]]);
    // What follows has the usual bound again.
    expect((await decode(await flat(20, 10).png().toBuffer())).width).toBe(20);
  });

  it('keeps a program running that does nothing else, also for costly pictures', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'decode-'));
    const files = {
      small: await flat(40, 30).png().toBuffer(),
      costly: await costlyAvif(),
    };
    for (const [name, file] of Object.entries(files)) await writeFile(join(folder, name), file);
    const paths = ['small', 'costly', 'small'].map((name) => join(folder, name));
    const program = fileURLToPath(new URL('../helpers/decode-files.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [RUNS_SOURCE, program, ...paths]);
    expect(stdout).toBe('40\n3000\n40\n');
    await rm(folder, { recursive: true });
  });

  it('reads progressive JPEGs and interlaced PNGs of tens of megapixels', async () => {
    // Flat pictures, made once: flat(6100, 6100).jpeg({ progressive: true, quality: 50 }) and
    // flat(6300, 5600).png({ progressive: true, compressionLevel: 9, adaptiveFiltering: false }), then gzip -9.
    const jpeg = gunzipSync(fixture('progressive-37-megapixels.jpg.gz'));
    expect(await widthOf(decode(jpeg))).toBe(6100);
    const png = gunzipSync(fixture('interlaced-35-megapixels.png.gz'));
    expect(await widthOf(decode(png))).toBe(6300);
  });

  it.runIf(process.platform === 'linux')(
    'lets no decoder have more memory than that, whatever the header said',
    async () => {
      const file = pngHeader(8192, 8192, 16, true);
      const task = {
        format: 'png',
        bytes: file.length,
        padding: 0,
        hasSurplus: false,
        blockBytes: 0,
        maxPixels: 1e9,
        maxSide: 100,
        maxBytes: 1e12,
      } as const;
      const options = {
        signal: new AbortController().signal,
        patience: 60_000,
        tooSlow: () => new Error('slow'),
        memory: takePixels,
      };
      expect(await decodeApart([file], task, options)).toMatchObject({ kind: 'failed', message: /memory/ });
    },
  );

  describe('after a mishap', () => {
    const task = { format: 'png', padding: 0, hasSurplus: false, blockBytes: 0, maxPixels: 1e9, maxSide: 100 } as const;
    /** Decodes a small picture in the decoder's process. */
    const apart = async (options: Partial<Parameters<typeof decodeApart>[2]> = {}) => {
      const file = await flat(20, 10).png().toBuffer();
      return await decodeApart(
        [file],
        { ...task, bytes: file.length, maxBytes: 1e9 },
        {
          signal: new AbortController().signal,
          patience: 60_000,
          tooSlow: () => new Error('slow'),
          memory: takePixels,
          ...options,
        },
      );
    };
    const isDecoded = { kind: 'decoded', width: 20 };

    it('goes on where there is no memory for the pixels', async () => {
      const memory = () => {
        throw new RangeError('Array buffer allocation failed');
      };
      await expect(apart({ memory })).rejects.toThrow('allocation failed');
      expect(await apart()).toMatchObject(isDecoded);
    });

    it('blames no picture for the end of the one before', async () => {
      const controller = new AbortController();
      const memory = (bytes: number) => {
        // The whole picture has come, and is called off at that moment.
        controller.abort(new Error('called off'));
        return takePixels(bytes);
      };
      await apart({ memory, signal: controller.signal }).catch(() => {});
      expect(await apart()).toMatchObject(isDecoded);
    });

    it.runIf(process.platform === 'linux')(
      'starts a process again that was ended while it had nothing to do',
      async () => {
        await apart();
        for (const child of await childrenOf(process.pid)) process.kill(child, 'SIGKILL');
        await sleep(100);
        expect(await apart()).toMatchObject(isDecoded);
      },
    );

    it('hears that a picture is called off while another process makes way for its own', async () => {
      await apart();
      const controller = new AbortController();
      const reason = new Error('called off');
      const alone = async () => {
        // Once the process that is there is being ended.
        setImmediate(() => controller.abort(reason));
      };
      await expect(apart({ alone, signal: controller.signal })).rejects.toBe(reason);
    });
  });

  it('ends the decoder when time is over, and goes on with the next', async () => {
    const slow = await slowPng();
    await expect(widthOf(decode(slow, { maxMilliseconds: 5 }))).rejects.toMatchObject({ code: 'too-slow' });
    const reason = new Error('the message was removed');
    const controller = new AbortController();
    const given = decodePhoto(slow, DEFAULT_LIMITS, controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(widthOf(given)).rejects.toBe(reason);
    expect((await decode(await flat(20, 10).png().toBuffer())).width).toBe(20);
  });

  it('has a picture that takes long make way for one that waits', async () => {
    const slow = await slowPng();
    const first = decode(slow, { patienceMilliseconds: 5 });
    const refused = expect(widthOf(first)).rejects.toMatchObject({ code: 'too-slow' });
    expect((await decode(await flat(20, 10).png().toBuffer())).width).toBe(20);
    await refused;
  });

  it('reads the first frame of an animation that shows something, and says which', async () => {
    // Not quite alike: frames that are would be written as one.
    const nearlyBlack = (level: number) =>
      sharp({ create: { width: 60, height: 40, channels: 3, background: { r: level, g: level, b: level } } })
        .png()
        .toBuffer();
    const dark = await Promise.all([0, 5, 10, 15].map(nearlyBlack));
    const shows = await fourColours(60, 40).png().toBuffer();
    for (const format of ['gif', 'webp'] as const) {
      const animation = (frames: Buffer[]) =>
        sharp(frames, { join: { animated: true } })
          .toFormat(format)
          .toBuffer();
      const late = await decode(await animation([...dark, shows, dark[0]!]));
      expect(late.frame).toEqual({ number: 5, of: 6 });
      expect(pixel(late.image, 50, 8)[1]).toBeGreaterThan(200);
      expect((await decode(await animation([dark[0]!, await flat(60, 40).png().toBuffer()]))).frame).toEqual({
        number: 1,
        of: 2,
      });
      expect((await decode(await sharp(shows).toFormat(format).toBuffer())).frame).toBeUndefined();
    }
  });

  it('refuses what is no photo, whatever its name may have been', async () => {
    await expect(decode(new Uint8Array(0))).rejects.toMatchObject({ code: 'empty-file' });
    await expect(decode(Buffer.from('Dear all, '.repeat(30)))).rejects.toMatchObject({ code: 'not-a-picture' });
    await expect(decode(ZIP)).rejects.toMatchObject({ code: 'not-a-picture' });
    await expect(decode(SVG)).rejects.toMatchObject({ code: 'unsupported-picture' });
    await expect(decode(Buffer.from([0xff, 0xd8, 0xff]))).rejects.toMatchObject({ code: 'cut-picture' });
  });
});

/** A little-endian TIFF with a colour profile: its directory is repeated behind the file, with the profile's tag (34675) at its end. */
function withProfile(file: Buffer, profile: Buffer): Buffer {
  const at = file.readUInt32LE(4);
  const count = file.readUInt16LE(at);
  const tag = Buffer.alloc(12);
  tag.writeUInt16LE(34675, 0);
  tag.writeUInt16LE(7, 2);
  tag.writeUInt32LE(profile.length, 4);
  tag.writeUInt32LE(file.length, 8);
  const entries = file.subarray(at + 2, at + 2 + 12 * count);
  const number = Buffer.from([count + 1, 0]);
  const padded = Buffer.concat([file, profile, Buffer.alloc(profile.length % 2)]);
  padded.writeUInt32LE(padded.length, 4);
  return Buffer.concat([padded, number, entries, tag, Buffer.alloc(4)]);
}
