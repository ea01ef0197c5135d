import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { sampleBytes } from '../fixtures/photos.ts';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const FAST = ['--detector', 'network'];

test('evaluate --photos counts faces found, missed and seen where there are none', async () => {
  const folder = await temporaryFolder();
  const photo = join(folder, 'people.jpg');
  await writeFile(photo, await sharp(sampleBytes(6)).resize(640).jpeg().toBuffer());
  const seen = JSON.parse((await runScript('emotions.ts', photo, '--json', ...FAST)).stdout);
  const [, ...others] = seen.faces.map(({ box }: { box: unknown }) => box);
  // The detector misses one of the faces, and finds one where there is none.
  const faces = [...others, { x: 0, y: 0, width: 60, height: 60 }];
  const boxes = join(folder, 'boxes.json');
  await writeFile(boxes, JSON.stringify({ 'people.jpg': { width: seen.width, height: seen.height, faces } }));

  const known = await runScript(
    'evaluate.ts',
    '--photos',
    folder,
    '--boxes',
    boxes,
    '--tilt',
    '0,5',
    '--json',
    ...FAST,
  );
  expect(known.code).toBe(0);
  const told = { detector: 'network', photos: 1, found: 3, missed: 1, false: 1 };
  expect(JSON.parse(known.stdout)).toMatchObject([
    { ...told, tilt: 0 },
    { ...told, tilt: 5 },
  ]);

  const nobody = await runScript('evaluate.ts', '--photos', folder, ...FAST);
  expect(nobody).toMatchObject({ code: 0, stdout: expect.stringMatching(/network.*\b4\b/) });
});

test('a photo that is not there or cannot be read is named', async () => {
  const folder = await temporaryFolder();
  const [boxes, broken] = [join(folder, 'boxes.json'), join(folder, 'broken.jpg')];
  await writeFile(boxes, JSON.stringify({ 'gone.jpg': { width: 9, height: 9, faces: [] } }));
  await writeFile(broken, 'not a picture');
  const evaluate = (...args: string[]) => runScript('evaluate.ts', '--photos', folder, ...FAST, ...args);
  const gone = await evaluate('--boxes', boxes);
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining(`${join(folder, 'gone.jpg')}: There is no`) });
  expect(await evaluate()).toMatchObject({ code: 1, stderr: expect.stringContaining(`${broken}: This file is not`) });
});
