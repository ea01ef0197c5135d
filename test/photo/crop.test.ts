import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { FACE_PIXELS, FACE_SIZE } from '../../src/emotion/labels.ts';
import { cropFace, cropFromPhoto, cropSquare } from '../../src/photo/crop.ts';
import { type GrayImage, toGray } from '../../src/photo/image.ts';

/** A picture of a formula of its pixel centres. */
function picture(width: number, height: number, value: (x: number, y: number) => number): GrayImage {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = Math.round(value(x + 0.5, y + 0.5));
  }
  return { width, height, data };
}

/** A square box whose crop has this side and centre. */
function boxFor(centreX: number, centreY: number, cropSide: number, angle = 0) {
  const one = { x: -0.5, y: -0.5, width: 1, height: 1, angle };
  const { centre, side: margin } = cropSquare(one);
  const side = cropSide / margin;
  const [x, y] = [centreX - centre.x * side - side / 2, centreY - centre.y * side - side / 2];
  return { x, y, width: side, height: side, angle };
}

describe('cropSquare', () => {
  it('is a little larger than the box, and lower along the face', () => {
    const box = { x: 100, y: 200, width: 100, height: 80 };
    const upright = cropSquare({ ...box, angle: 0 });
    expect(upright.side).toBeCloseTo(112);
    expect(upright.centre).toEqual({ x: 150, y: 242 });
    const { centre } = cropSquare({ ...box, angle: 90 });
    expect(centre.x).toBeCloseTo(148);
    expect(centre.y).toBeCloseTo(240);
  });
});

describe('cropFace', () => {
  it('takes pixels as they are where the crop is as large as the network wants', () => {
    const image = picture(100, 80, (x, y) => (x * 2 + y) % 256);
    const crop = cropFace(image, boxFor(50, 40, FACE_SIZE));
    expect(crop.length).toBe(FACE_PIXELS);
    const expected = [];
    for (let y = 0; y < FACE_SIZE; y++) {
      const from = (40 - FACE_SIZE / 2 + y) * 100 + 50 - FACE_SIZE / 2;
      expected.push(...image.data.subarray(from, from + FACE_SIZE));
    }
    expect([...crop]).toEqual(expected);
  });

  it('averages areas when it shrinks: stripes too fine to see become gray', () => {
    const stripes = picture(600, 600, (x) => (Math.floor(x) % 2 === 0 ? 255 : 0));
    const crop = cropFace(stripes, boxFor(300, 300, FACE_SIZE * 10));
    expect(Math.min(...crop)).toBeGreaterThan(120);
    expect(Math.max(...crop)).toBeLessThan(135);
  });

  it('shrinks and enlarges like an ideal resampler does a slope', () => {
    const slope = picture(400, 400, (x, y) => x * 0.4 + y * 0.2);
    for (const side of [24, 96, 300]) {
      const crop = cropFace(slope, boxFor(200, 200, side));
      for (const [column, row] of [
        [0, 0],
        [47, 0],
        [10, 30],
        [47, 47],
      ] as const) {
        const x = 200 + ((column + 0.5) / FACE_SIZE - 0.5) * side;
        const y = 200 + ((row + 0.5) / FACE_SIZE - 0.5) * side;
        expect(Math.abs(crop[row * FACE_SIZE + column]! - (x * 0.4 + y * 0.2))).toBeLessThanOrEqual(1.01);
      }
    }
  });

  it('agrees with sharp on a photo-like picture', async () => {
    const image = picture(480, 480, (x, y) => 128 + 60 * Math.sin(x / 23) + 50 * Math.cos(y / 31));
    const crop = cropFace(image, boxFor(240, 240, 480));
    const expected = await sharp(image.data, { raw: { width: 480, height: 480, channels: 1 } })
      .resize(FACE_SIZE, FACE_SIZE, { fit: 'fill', kernel: 'lanczos3' })
      .toColourspace('b-w')
      .raw()
      .toBuffer();
    const difference = crop.reduce((sum, value, k) => sum + Math.abs(value - expected[k]!), 0) / FACE_PIXELS;
    expect(difference).toBeLessThan(2);
  });

  it('shows a little more than the box: 1.12 times its longer side', () => {
    const slope = picture(250, 250, (x) => x);
    for (const face of [
      { x: 75, y: 75, width: 100, height: 100, angle: 0 },
      { x: 95, y: 75, width: 60, height: 100, angle: 0 },
      { x: 75, y: 95, width: 100, height: 60, angle: 0 },
    ]) {
      const crop = cropFace(slope, face);
      expect(Math.abs(crop[0]! - (125 - 56 * (47 / 48)))).toBeLessThan(1);
      expect(Math.abs(crop[47]! - (125 + 56 * (47 / 48)))).toBeLessThan(1);
    }
  });

  it('takes enough samples that no column is passed over', () => {
    const mean = (crop: Uint8Array) => crop.reduce((sum, value) => sum + value, 0) / FACE_PIXELS;
    // One column in three is white, in steps of a column and a half; one in 24, in steps of 24.
    const thirds = cropFace(
      picture(120, 120, (x) => (Math.floor(x) % 3 === 0 ? 255 : 0)),
      boxFor(60, 60, FACE_SIZE * 1.5),
    );
    expect(Math.abs(mean(thirds) - 85)).toBeLessThan(4);
    const rare = cropFace(
      picture(1200, 300, (x) => (Math.floor(x) % 24 === 0 ? 240 : 0)),
      boxFor(600, 150, FACE_SIZE * 24),
    );
    expect([Math.min(...rare), Math.max(...rare)]).toEqual([10, 10]);
  });

  it('sets a leaning head upright', () => {
    // A dark line through the centre, leaning 22 degrees clockwise: what the line between brow and chin would do.
    const radians = (22 * Math.PI) / 180;
    const leaning = picture(300, 300, (x, y) => {
      const off = (x - 150) * Math.cos(radians) + (y - 150) * Math.sin(radians);
      return Math.abs(off) < 6 ? 20 : 220;
    });
    const crop = cropFace(leaning, boxFor(150, 150, 144, 22));
    for (let row = 0; row < FACE_SIZE; row++) {
      expect(crop[row * FACE_SIZE + 23]).toBeLessThan(60);
      expect(crop[row * FACE_SIZE + 12]).toBeGreaterThan(200);
      expect(crop[row * FACE_SIZE + 35]).toBeGreaterThan(200);
    }
  });

  it('repeats the border where the face reaches over the edge', () => {
    const image = picture(60, 60, (x) => (x < 1 ? 200 : 40));
    const crop = cropFace(image, boxFor(0, 30, FACE_SIZE));
    for (let row = 0; row < FACE_SIZE; row++) {
      expect(crop[row * FACE_SIZE]).toBe(200);
      expect(crop[row * FACE_SIZE + 23]).toBe(200);
      expect(crop[row * FACE_SIZE + 26]).toBe(40);
    }
  });

  it('crops a face larger than any picture that is worked on', () => {
    const crop = cropFace(
      picture(2048, 2048, (x) => x / 9),
      boxFor(1024, 1024, 2048),
    );
    expect(crop[0]).toBeLessThan(4);
    expect(crop[47]).toBeGreaterThan(223);
  });
});

describe('cropFromPhoto', () => {
  const photo = { width: 90, height: 70, data: Uint8Array.from({ length: 90 * 70 * 3 }, (_, k) => (k * k) % 253) };

  it.each([
    ['in the middle', boxFor(45, 35, 30, 20)],
    ['beyond the left edge', boxFor(2, 30, 40, -33)],
    ['beyond a corner, turned over', boxFor(88, 68, 50, 171)],
    ['all outside', boxFor(-300, 900, 40)],
    ['as large as the photo', boxFor(45, 35, 140, 45)],
  ])('is the crop of the gray photo: %s', (_, face) => {
    expect([...cropFromPhoto(photo, face)]).toEqual([...cropFace(toGray(photo), face)]);
  });
});
