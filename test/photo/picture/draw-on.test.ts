import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawOn, layOn } from '../../../src/photo/picture/draw-on.ts';

const picture = {
  width: 40,
  height: 30,
  data: Uint8Array.from({ length: 40 * 30 * 3 }, (_, k) => (k * 37) % 256),
};
const part = { x: 9, y: 8, width: 40, height: 30 };
const shape =
  '<rect x="10" y="10" width="31" height="21" rx="5" fill="#f0e442" fill-opacity="0.7" stroke="#000" stroke-width="1.5"/>';
const whole = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60">${shape}</svg>`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30" viewBox="9 8 40 30">${shape}</svg>`;

describe('drawOn', () => {
  it('draws as libvips lays one picture on another, to a gray', async () => {
    const drawn = await drawOn(picture, { width: 80, height: 60 }, { svg, part });
    const raw = { width: 40, height: 30, channels: 3 as const };
    const expected = await sharp(picture.data, { raw })
      .resize(80, 60, { fit: 'fill' })
      .composite([{ input: Buffer.from(whole) }])
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(drawn).toHaveLength(80 * 60 * 3);
    expect(Math.max(...drawn.map((value, k) => Math.abs(value - expected[k]!)))).toBeLessThanOrEqual(1);
  });

  it('leaves a picture alone on which nothing is to be drawn', async () => {
    expect([...(await drawOn(picture, picture))]).toEqual([...picture.data]);
  });
});

describe('layOn', () => {
  it('covers what lies below as far as it is opaque', () => {
    const pixels = Uint8Array.of(100, 100, 100, 100, 100, 100, 0, 255, 100);
    const overlay = Uint8Array.of(255, 0, 9, 0, 255, 0, 9, 255, 255, 0, 100, 51);
    layOn(pixels, 3, overlay, { x: 0, y: 0, width: 3, height: 1 });
    expect([...pixels]).toEqual([100, 100, 100, 255, 0, 9, 51, 204, 100]);
  });
});
