import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { plainFrame } from '../fixtures/animations.ts';
import { apng } from '../fixtures/apngs.ts';
import { fourColours, pixel } from '../fixtures/photos.ts';

const [WIDTH, HEIGHT] = [60, 40];
const decode = (file: Buffer) => decodePhoto(file, DEFAULT_LIMITS);
const black = await plainFrame(WIDTH, HEIGHT, 0);
const white = await plainFrame(WIDTH, HEIGHT, 255);
const shows = await fourColours(WIDTH, HEIGHT).png().toBuffer();
const colour = async (red: number, green: number, alpha: number, [width, height] = [WIDTH, HEIGHT]) =>
  await sharp({ create: { width, height, channels: 4, background: { r: red, g: green, b: 0, alpha } } })
    .png()
    .toBuffer();

const clear = await colour(200, 0, 0);

describe('an animated PNG', () => {
  test.each([
    ['black', black],
    ['white', white],
    ['transparent', clear],
  ])('whose first frame is %s is read by the first that shows something', async (_what, blank) => {
    const { frame, image } = await decode(await apng([{ png: blank }, { png: blank }, { png: shows }, { png: white }]));
    expect(frame).toEqual({ number: 3, of: 4 });
    expect([image.width, image.height]).toEqual([WIDTH, HEIGHT]);
    expect(pixel(image, 50, 8)[1]).toBeGreaterThan(200);
  });

  test('whose first frame shows something, or none, is read by that one', async () => {
    expect((await decode(await apng([{ png: shows }, { png: white }]))).frame).toEqual({ number: 1, of: 2 });
    const dark = await decode(await apng([{ png: black }, { png: white }]));
    expect(dark.frame).toEqual({ number: 1, of: 2 });
    expect(pixel(dark.image, 5, 5)).toEqual([0, 0, 0]);
  });

  test('with a picture of its own for other programs is read by that, unless it shows nothing', async () => {
    const own = await decode(await apng([{ png: black }, { png: white }], shows));
    expect(own.frame).toBeUndefined();
    expect(pixel(own.image, 50, 8)[1]).toBeGreaterThan(200);
    expect((await decode(await apng([{ png: black }, { png: shows }], white))).frame).toEqual({ number: 2, of: 2 });
  });

  test('has its frames laid on what stays of those before', async () => {
    // A small red frame, which goes again; green that covers it by half; both in a corner of what was black all over.
    const red = await colour(120, 0, 1, [8, 8]);
    const green = await colour(0, 255, 0.5, [30, 40]);
    const at = async (dispose: 0 | 1 | 2, blend: 0 | 1) => {
      const file = await apng([{ png: black }, { png: red, at: [2, 2], dispose }, { png: green, at: [0, 0], blend }]);
      const { frame, image } = await decode(file);
      expect(frame).toEqual({ number: 3, of: 3 });
      return [pixel(image, 5, 5), pixel(image, 20, 20), pixel(image, 50, 20)].map((rgb) =>
        rgb.map((v) => Math.round(v / 64)),
      );
    };
    // In quarters of 256: half of the red is 1, half of the green 2, white behind it 4.
    expect(await at(0, 1)).toEqual([
      [1, 2, 0],
      [0, 2, 0],
      [0, 0, 0],
    ]);
    expect(await at(1, 1)).toEqual([
      [2, 4, 2],
      [0, 2, 0],
      [0, 0, 0],
    ]);
    expect(await at(2, 1)).toEqual([
      [0, 2, 0],
      [0, 2, 0],
      [0, 0, 0],
    ]);
    expect(await at(0, 0)).toEqual([
      [2, 4, 2],
      [2, 4, 2],
      [0, 0, 0],
    ]);
  });

  test('that is damaged, or lies about its frames, ends nothing', async () => {
    const whole = await apng([{ png: black }, { png: black }, { png: shows }]);
    const random = new Random(5);
    for (let round = 0; round < 40; round++) {
      const damaged = Buffer.from(whole);
      for (let k = 0; k < 2; k++) damaged[33 + random.below(whole.length - 33)] = random.below(256);
      const cut = damaged.subarray(0, round % 2 === 0 ? whole.length : 60 + random.below(whole.length - 60));
      const answer = await decode(cut).then(
        ({ width }) => width,
        (error: { code?: string }) => error.code,
      );
      expect([WIDTH, 'cut-picture', 'too-many-pixels']).toContain(answer);
    }
  });
});
