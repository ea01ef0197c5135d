import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { Random } from '../../src/random.ts';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder with a picture of noise. */
async function emptyPictures(seed: number): Promise<string> {
  const folder = await temporaryFolder();
  const random = new Random(seed);
  const data = Uint8Array.from({ length: 320 * 240 * 3 }, () => random.below(256));
  await sharp(data, { raw: { width: 320, height: 240, channels: 3 } })
    .png()
    .toFile(join(folder, 'noise.png'));
  return folder;
}

test('an own face network is trained and compared with the second look, four ways', { timeout: 180_000 }, async () => {
  const data = await temporaryFolder();
  await writeTinyFer2013(data, tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']));
  const { code, stdout, stderr } = await runScript(
    'try-face-network.ts',
    ...['--data', data, '--steps', '2'],
    ...['--photos', join(root, 'node_modules/@vladmandic/face-api/demo')],
    ...['--boxes', join(root, 'data/real-photos.json')],
    ...['--empty', await emptyPictures(1), '--held-out', await emptyPictures(2)],
  );
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(0);
  expect(stdout).toContain('14 faces, ');
  const [, asItIs] = /^surest, look, hits: as it is\n {2}(.*)$/m.exec(stdout)!;
  // The detector's own evidence finds all 22 faces, whatever the new network has learned in two steps.
  expect(asItIs).toMatch(/^22 found, 0 missed, \d+ false; each by the others: \d+ found/);
  expect(stdout.match(/^ {2}\d+ found, \d+ missed/gm)).toHaveLength(4);
});

test.each([
  [['--data', 'x'], /Name all of --data, --photos/],
  [
    ['--data', 'x', '--photos', 'x', '--boxes', 'x', '--empty', 'x', '--held-out', 'x', '--steps', '0'],
    /--steps must be/,
  ],
])('bad usage is said in words: %s', async (args, words) => {
  const { code, stderr } = await runScript('try-face-network.ts', ...args);
  expect(stderr).toMatch(words);
  expect(code).toBe(2);
});
