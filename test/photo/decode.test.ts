import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, decodePhoto, WORKING_SIDE } from '../../src/photo/decode.ts';
import { fourColours, hugePng, pixel, SVG, sampleBytes, ZIP } from '../fixtures/photos.ts';

const decode = (file: Uint8Array, limits = {}) => decodePhoto(file, { ...DEFAULT_LIMITS, ...limits });

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

  it('refuses what is no photo, whatever its name may have been', async () => {
    await expect(decode(new Uint8Array(0))).rejects.toMatchObject({ code: 'empty-file' });
    await expect(decode(Buffer.from('Dear all, '.repeat(30)))).rejects.toMatchObject({ code: 'not-a-picture' });
    await expect(decode(ZIP)).rejects.toMatchObject({ code: 'not-a-picture' });
    await expect(decode(SVG)).rejects.toMatchObject({ code: 'unsupported-picture' });
    await expect(decode(Buffer.from([0xff, 0xd8, 0xff]))).rejects.toMatchObject({ code: 'cut-picture' });
  });
});
