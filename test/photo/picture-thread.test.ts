import { expect, it } from 'vitest';
import { cropFace } from '../../src/photo/crop.ts';
import { toGray } from '../../src/photo/image.ts';
import { annotate } from '../../src/photo/picture/annotate.ts';
import { cropFaces, drawPicture, resizePicture, turnPicture } from '../../src/photo/picture-thread.ts';
import { fourColours, pixel } from '../fixtures/photos.ts';
import { reading } from '../fixtures/readings.ts';

it('resizes, turns, crops and draws on a thread as it would be done here', async () => {
  const data = await fourColours(80, 40).removeAlpha().raw().toBuffer();
  const image = { width: 80, height: 40, data };
  const face = { x: 20, y: 5, width: 30, height: 30, angle: 10 };
  const faces = [{ ...reading({ happy: 9, neutral: 1 }), box: face }];

  const [large, turned, crops, picture, expected] = await Promise.all([
    resizePicture(image, { width: 160, height: 80 }),
    turnPicture(image, 90),
    cropFaces(image, [face]),
    drawPicture(image, image, faces),
    annotate(image, image, faces),
  ]);
  expect([large.width, large.height, large.data.buffer]).toEqual([160, 80, expect.any(SharedArrayBuffer)]);
  expect(pixel(large, 10, 70)).toEqual(pixel(image, 5, 35));
  expect([turned.width, turned.height, turned.data.buffer]).toEqual([40, 80, expect.any(SharedArrayBuffer)]);
  // What was at the lower left is at the upper left.
  expect(pixel(turned, 2, 2)).toEqual(pixel(image, 2, 37));
  expect(crops).toEqual([{ pixels: cropFace(toGray(image), face), flaw: 'no-person' }]);
  expect(Buffer.isBuffer(picture.bytes)).toBe(true);
  expect(picture).toEqual(expected);
});

it('crops nothing where there is no face', async () => {
  expect(await cropFaces({ width: 1, height: 1, data: new Uint8Array(3) }, [])).toEqual([]);
});
