import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import {
  judge,
  labelOf,
  loadKnownPhoto,
  readEmptyPictures,
  readKnownPhotos,
  tally,
} from '../../src/evaluation/known-photos.ts';
import { pixel } from '../fixtures/photos.ts';

const face = (x: number, y: number, width: number, height: number, counts = true) => ({ x, y, width, height, counts });

describe('labelOf', () => {
  const faces = [face(100, 100, 60, 80)];
  it.each([
    ['the face itself', { x: 105, y: 110, width: 55, height: 70 }, 'face'],
    ['a box about it that hardly overlaps, its centre in the face', { x: 75, y: 85, width: 115, height: 115 }, 'face'],
    ['a box of its size, a little more than half beside it', { x: 131, y: 100, width: 60, height: 80 }, 'face'],
    ['the same, farther beside it', { x: 134, y: 100, width: 60, height: 80 }, undefined],
    ['an eye', { x: 110, y: 120, width: 14, height: 14 }, undefined],
    ['head and shoulders', { x: 20, y: 60, width: 220, height: 220 }, undefined],
    ['something beside it', { x: 170, y: 100, width: 60, height: 60 }, 'false'],
  ] as const)('%s', (_, box, label) => {
    expect(labelOf(box, faces)).toBe(label);
  });
});

describe('judge', () => {
  it('lets a box find one face, and asks for no small ones', () => {
    const faces = [face(0, 0, 50, 60), face(40, 0, 50, 60), face(200, 0, 20, 25, false)];
    const one = judge([{ x: 20, y: 0, width: 50, height: 60 }], faces);
    expect([one.found.length, one.missed.length, one.false.length]).toEqual([1, 1, 0]);
    const small = judge([{ x: 200, y: 0, width: 22, height: 22 }], faces);
    expect([small.found.length, small.missed.length, small.false.length]).toEqual([0, 2, 0]);
  });

  it('adds up', () => {
    const nobody = judge([{ x: 5, y: 5, width: 9, height: 9 }], []);
    const all = judge([{ x: 0, y: 0, width: 50, height: 50 }], [face(0, 0, 50, 55)]);
    expect(tally([nobody, all, all])).toEqual({ found: 2, missed: 0, false: 1 });
  });
});

describe('known photos', () => {
  const made = mkdtemp(join(tmpdir(), 'known-photos-'));
  afterAll(async () => await rm(await made, { recursive: true }));

  it('scales boxes to the size that the bot works on, and turns them with the photo', async () => {
    const folder = await made;
    const white = { create: { width: 40, height: 40, channels: 3 as const, background: 'white' } };
    // A white face in a black picture, its box given at half of the picture's size.
    await sharp({ create: { width: 400, height: 200, channels: 3, background: 'black' } })
      .composite([{ input: white, left: 300, top: 60 }])
      .png()
      .toFile(join(folder, 'white.png'));
    const boxes = { 'white.png': { width: 200, height: 100, faces: [{ x: 150, y: 30, width: 20, height: 20 }] } };
    await writeFile(join(folder, 'faces.json'), JSON.stringify(boxes));
    const [photo] = await readKnownPhotos(folder, join(folder, 'faces.json'));
    const upright = await loadKnownPhoto(photo!);
    expect(upright.faces).toEqual([face(300, 60, 40, 40, false)]);
    for (const tilt of [90, -45, 30]) {
      const { image, faces } = await loadKnownPhoto(photo!, tilt);
      const { x, y, width, height } = faces[0]!;
      expect(pixel(image, Math.round(x + width / 2), Math.round(y + height / 2))).toEqual([255, 255, 255]);
    }
    expect((await readEmptyPictures(folder)).map(({ name, faces }) => [name, faces])).toEqual([['white.png', []]]);
  });

  it('names the photos that cannot be read', async () => {
    const folder = await made;
    await writeFile(join(folder, 'bad.json'), '{"white.png": {"faces": 3}}');
    await expect(readKnownPhotos(folder, join(folder, 'bad.json'))).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/bad\.json, white\.png, width: .*\(2 more like this\.\)$/),
    });
    await expect(readKnownPhotos(folder, join(folder, 'none.json'))).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(join(folder, 'windows.json'), '\ufeff{}');
    expect(await readKnownPhotos(folder, join(folder, 'windows.json'))).toEqual([]);
    for (const name of ['nowhere', 'bad.json'])
      await expect(readEmptyPictures(join(folder, name))).rejects.toMatchObject({
        code: 'no-data',
        message: expect.stringContaining('cannot be read'),
      });
  });
});
