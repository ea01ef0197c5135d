import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { RgbImage } from '../../../src/photo/image.ts';
import { annotate, outputSize } from '../../../src/photo/picture/annotate.ts';
import { EMOTION_COLOURS } from '../../../src/photo/picture/colours.ts';
import { pixel, toRgb } from '../../fixtures/photos.ts';
import { reading } from '../../fixtures/readings.ts';

const happy = reading({ happy: 9, neutral: 1 });
const unsure = reading({ sad: 4, neutral: 3, fear: 3 });

/** A picture of one gray. */
function plain(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3).fill(128) };
}

/** How many pixels of an area have about this colour. */
function count(image: RgbImage, colour: string, area: { x: number; y: number; width: number; height: number }): number {
  const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  let found = 0;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++) {
      if (pixel(image, x, y).every((value, k) => Math.abs(value - wanted[k]!) < 40)) found++;
    }
  }
  return found;
}

describe('annotate', () => {
  it('draws a box in the colour of the emotion where the face is, and the label above it', async () => {
    const box = { x: 300, y: 300, width: 200, height: 200 };
    const picture = await annotate(plain(1000, 800), { width: 1000, height: 800 }, [{ ...happy, box }]);
    expect([picture.width, picture.height, picture.mime]).toEqual([1000, 800, 'image/jpeg']);
    const drawn = await toRgb(picture.bytes);
    const yellow = EMOTION_COLOURS.happy;
    // The four sides, without corners.
    expect(count(drawn, yellow, { x: 320, y: 296, width: 160, height: 8 })).toBeGreaterThan(200);
    expect(count(drawn, yellow, { x: 320, y: 496, width: 160, height: 8 })).toBeGreaterThan(200);
    expect(count(drawn, yellow, { x: 296, y: 320, width: 8, height: 160 })).toBeGreaterThan(200);
    expect(count(drawn, yellow, { x: 496, y: 320, width: 8, height: 160 })).toBeGreaterThan(200);
    // The plate, with letters on it.
    const plate = { x: 296, y: 255, width: 190, height: 40 };
    expect(count(drawn, yellow, plate)).toBeGreaterThan(2000);
    expect(count(drawn, '#000000', plate)).toBeGreaterThan(500);
    // The face itself is left alone.
    expect(count(drawn, '#808080', { x: 310, y: 310, width: 180, height: 180 })).toBe(180 * 180);
  });

  it('describes the picture in the alternative text', async () => {
    const box = { x: 10, y: 10, width: 20, height: 20 };
    const { altText } = await annotate(plain(100, 100), { width: 100, height: 100 }, [
      { ...happy, box },
      { ...unsure, box: { ...box, x: 60 } },
    ]);
    expect(altText).toBe('Photo with 2 faces: 1. happy 90 %; 2. unsure: sad 40 % or fear 30 %');
  });

  it('scales boxes from the photo to the picture', async () => {
    const photo = { width: 4000, height: 3000 };
    const face = { ...happy, box: { x: 2000, y: 1500, width: 1000, height: 1000 } };
    const picture = await annotate(plain(2048, 1536), photo, [face]);
    expect([picture.width, picture.height]).toEqual([1600, 1200]);
    const drawn = await toRgb(
      await sharp(picture.bytes).extract({ left: 780, top: 700, width: 60, height: 300 }).png().toBuffer(),
    );
    expect(count(drawn, EMOTION_COLOURS.happy, { x: 16, y: 0, width: 8, height: 300 })).toBeGreaterThan(500);
  });

  it('leaves no metadata in the annotated picture', async () => {
    const { bytes } = await annotate(plain(300, 200), { width: 300, height: 200 }, []);
    const { exif, icc, xmp, iptc, orientation, format } = await sharp(bytes).metadata();
    expect({ exif, icc, xmp, iptc, orientation, format }).toEqual({
      exif: undefined,
      icc: undefined,
      xmp: undefined,
      iptc: undefined,
      orientation: undefined,
      format: 'jpeg',
    });
  });

  it.each([
    [1, 1],
    [3000, 2],
    [2, 3000],
  ])('draws on a picture of %i x %i', async (width, height) => {
    const image = plain(Math.min(width, 2048), Math.min(height, 2048));
    const face = { ...unsure, box: { x: 0, y: 0, width, height } };
    const { bytes } = await annotate(image, { width, height }, [face, face]);
    expect((await sharp(bytes).metadata()).format).toBe('jpeg');
  });
});

describe('outputSize', () => {
  it.each([
    ['12 megapixels are shrunk', 4000, 3000, 2, 1600, 1200],
    ['a usual photo stays', 1024, 768, 20, 1024, 768],
    ['a thumbnail is enlarged', 200, 150, 2, 640, 480],
    ['a tiny one only four times', 50, 40, 2, 200, 160],
    ['a line keeps a pixel', 8000, 1, 2, 1600, 1],
    ['of a crowd a usual photo is enlarged', 1024, 768, 21, 1600, 1200],
    ['of a crowd a small photo is enlarged twice', 500, 400, 21, 1000, 800],
    ['of a crowd a thumbnail is enlarged as any is', 200, 150, 21, 640, 480],
  ])('%s', (_, width, height, people, outWidth, outHeight) => {
    expect(outputSize({ width, height }, people)).toEqual({ width: outWidth, height: outHeight });
  });
});
