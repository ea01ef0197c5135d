import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLabels, writeDraft } from '../../../src/evaluation/report/labels.ts';
import { samplePath } from '../../fixtures/photos.ts';
import { fillDisk, smallDisk } from '../../helpers/small-disk.ts';

const face = { x: 1, y: 2, width: 30, height: 40, emotion: 'happy' };
const photo = (...faces: unknown[]) => ({ 'a.jpg': { width: 100, height: 80, faces } });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'labels-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(text: string | Buffer): Promise<string> {
  await writeFile(join(folder, 'labels.json'), text);
  return join(folder, 'labels.json');
}

describe('readLabels', () => {
  it('reads faces with one emotion and with several, photos without people, and a file from Windows', async () => {
    const given = { ...photo(face, { ...face, also: ['neutral'] }), 'street.png': { width: 9, height: 9, faces: [] } };
    const labels = await readLabels(await file(`\ufeff${JSON.stringify(given)}`));
    expect([...labels.keys()]).toEqual(['a.jpg', 'street.png']);
    expect(labels.get('a.jpg')!.faces.map(({ emotion, also }) => [emotion, also])).toEqual([
      ['happy', []],
      ['happy', ['neutral']],
    ]);
    expect(labels.get('street.png')!.faces).toEqual([]);
  });

  it.each([
    [
      'an emotion there is not',
      photo(face, { ...face, emotion: 'joy' }),
      /a\.jpg, face 2, emotion: "joy" is not an emotion/,
    ],
    [
      'a second emotion there is not',
      photo({ ...face, also: ['?'] }),
      /a\.jpg, face 1, also, 0: "\?" is not an emotion/,
    ],
    ['no emotion', photo({ x: 1, y: 1, width: 5, height: 5 }), /a\.jpg, face 1, emotion:/],
    ['a box beyond the edge', photo({ ...face, x: 71 }), /a\.jpg, face 1: the box reaches beyond the 100 x 80 pixels/],
    ['a box of no width', photo({ ...face, width: 0 }), /a\.jpg, face 1, width:/],
    ['a misspelt key', photo({ ...face, alos: ['sad'] }), /a\.jpg, face 1: .*alos/],
    ['no size', { 'a.jpg': { faces: [face] } }, /a\.jpg, width:.*1 more/],
    ['an absolute path', { '/a.jpg': { width: 9, height: 9, faces: [] } }, /\/a\.jpg: the name must be that of a file/],
    [
      'a path out of the folder',
      { '../a.jpg': { width: 9, height: 9, faces: [] } },
      /\.\.\/a\.jpg: the name must be that of a file/,
    ],
    ['a list', [face], /labels\.json, the whole file:/],
  ])('names the place and what is wrong with it: %s', async (_, given, message) => {
    const path = await file(JSON.stringify(given));
    await expect(readLabels(path)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) });
  });

  it('says that a file is not JSON, is empty or in UTF-16, is a folder, or is not there', async () => {
    const cases: [text: string | Buffer, sentence: RegExp][] = [
      ['{"a.jpg": {', /is not JSON/],
      ['\n', /labels\.json is empty/],
      [Buffer.from('\ufeff{}', 'utf16le'), /is in UTF-16: save it as UTF-8/],
      [Buffer.from('{}', 'utf16le').swap16(), /is in UTF-16: save it as UTF-8/],
    ];
    for (const [text, sentence] of cases)
      await expect(readLabels(await file(text))).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringMatching(sentence),
      });
    await expect(readLabels(folder)).rejects.toMatchObject({ code: 'bad-data' });
    await expect(readLabels(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('reads the labels of the six samples, which have the shape of the photos', async () => {
    const labels = await readLabels(fileURLToPath(new URL('../../../data/real-photos.json', import.meta.url)));
    expect([...labels.values()].reduce((sum, { faces }) => sum + faces.length, 0)).toBe(22);
    for (let k = 1; k <= 6; k++) {
      const { width, height } = await sharp(samplePath(k)).metadata();
      const given = labels.get(`sample${k}.jpg`)!;
      expect(given.width / given.height).toBeCloseTo(width / height, 2);
    }
  });
});

it('a draft that finds no room leaves nothing behind', async (context) => {
  const disk = (await smallDisk(256 * 1024)) ?? context.skip('a file system cannot be mounted here');
  const file = join(disk, 'labels.json');
  await fillDisk(join(disk, 'other'), 8 * 1024);
  const photos = Array.from({ length: 1000 }, (_, k) => [`${k}.jpg`, { width: 9, height: 9, faces: [] }] as const);
  await expect(writeDraft(file, new Map(photos))).rejects.toMatchObject({ code: 'no-space' });
  expect(await readdir(disk)).toEqual(['other']);
});
