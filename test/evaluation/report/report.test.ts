import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UNCALIBRATED } from '../../../src/emotion/calibration.ts';
import { jsonOf } from '../../../src/evaluation/report/words.ts';
import { fourColours, sampleBytes, samplePath, ZIP } from '../../fixtures/photos.ts';
import { saveUntrained } from '../../helpers/retraining.ts';
import { runScript } from '../../helpers/run-script.ts';

const report = (...args: string[]) => runScript('report.ts', ...args);

let folder: string;
let output: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
  output = join(await mkdtemp(join(tmpdir(), 'report-page-')), 'page.html');
  const face = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
  await writeFile(join(folder, 'one.png'), face);
  await mkdir(join(folder, 'more'));
  await writeFile(join(folder, 'more', 'street.png'), await fourColours(320, 240).png().toBuffer());
  await writeFile(join(folder, 'zip.jpg'), ZIP);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(dirname(output), { recursive: true });
});

describe('report', () => {
  it('drafts labels, refuses the draft, reads without labels, and judges by the draft once it is filled in', async () => {
    // A small network that has learnt nothing finds the same faces, and loads faster.
    const model = join(dirname(output), 'model');
    await saveUntrained(model, 1);
    const draft = await report(folder, '--draft', '--model', model);
    expect(draft.code).toBe(1);
    const file = join(folder, 'labels.json');
    const drafted = JSON.parse(await readFile(file, 'utf8'));
    expect(Object.keys(drafted)).toEqual(['more/street.png', 'one.png']);
    expect(drafted['more/street.png']).toEqual({ width: 320, height: 240, faces: [] });
    const box = { x: expect.any(Number), y: expect.any(Number), width: expect.any(Number), height: expect.any(Number) };
    expect(drafted['one.png']).toEqual({ width: 500, height: 500, faces: [{ ...box, emotion: '?' }] });

    const again = await report(folder, '--draft');
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/exists already and is not replaced/),
    });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(drafted);

    const unfilled = await report(folder, '--output', output);
    expect(unfilled.code).toBe(1);
    expect(unfilled.stderr).toMatch(/labels\.json is not filled in yet: 1 face still has a "\?"\. .*--no-labels/);
    const unjudged = await report(folder, '--output', output, '--no-labels', '--model', model);
    expect(unjudged.code).toBe(1);
    expect(unjudged.stdout).toContain('more/street.png: No face found.\none.png: 1 face found.\n');
    expect(unjudged.stdout).toContain('1 face found. There are no labels');
    expect(unjudged.stderr).toContain('zip.jpg: This is a zip archive');
    expect(unjudged.stderr).toContain(`The page is ${output}.`);
    expect(await readFile(output, 'utf8')).toContain('<h2>zip.jpg</h2>');

    // The face smiles: labelled wrongly on purpose, so that its reading is not right.
    drafted['one.png'].faces[0].emotion = 'disgust';
    drafted['gone.jpg'] = drafted['more/street.png'];
    await writeFile(file, JSON.stringify(drafted));
    const before = await readdir(folder);
    const judged = await report(folder, '--output', output, '--detector', 'network', '--json');
    expect(judged.code).toBe(1);
    expect(judged.stderr).toContain('gone.jpg: There is no such file.');
    const answer = JSON.parse(judged.stdout);
    expect(answer).toMatchObject({
      labels: file,
      model: { architecture: expect.any(String), calibrated: true },
      detector: 'network',
      leftOut: ['zip.jpg'],
      totals: { detections: 1, right: 0, wrong: 1, false: 0, missed: 0 },
    });
    expect(
      answer.photos.map(({ photo, error }: { photo: string; error?: object }) => [photo, error !== undefined]),
    ).toEqual([
      ['gone.jpg', true],
      ['more/street.png', false],
      ['one.png', false],
    ]);
    const [found] = answer.photos[2].faces;
    expect(found).toMatchObject({ verdict: 'wrong', number: 1, label: { emotion: 'disgust', also: [] } });
    expect(Object.values<number>(found.scores).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
    expect(await readdir(folder)).toEqual(before);
  }, 300_000);

  it.each([
    ['no folder', []],
    ['two folders', ['a', 'b']],
    ['an option that does not exist', ['a', '--lables', 'b']],
    ['labels and none', ['a', '--no-labels', '--labels', 'b.json']],
    ['a draft with a page', ['a', '--draft', '--output', 'b.html']],
    ['a page that is a photo', [dirname(samplePath(1)), '--output', 'photo.jpg']],
    ['a detector that there is not', [dirname(samplePath(1)), '--detector', 'eyes']],
  ])('ends with 2 for %s, and shows the way', async (_, args) => {
    const result = await report(...args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/--help/);
  });

  it('has null for labels in its JSON where nothing is judged', () => {
    const modelNote = { architecture: 'a', parameters: 1, calibrated: false, calibration: UNCALIBRATED };
    const unjudged = { folder, model: 'model', modelNote, detector: 'network', photos: [], unlabelled: [] };
    expect(jsonOf(unjudged)).toMatchObject({ folder, labels: null });
  });

  it('ends with 1 and a sentence where there is no network, labels file or folder, and leaves no page', async () => {
    const photos = dirname(samplePath(1));
    // The first has no labels file beside it, which is allowed.
    for (const [sentence, ...args] of [
      ['No usable model', photos, '--model', folder],
      ['none.json', photos, '--labels', join(folder, 'none.json')],
      [join(folder, 'none'), join(folder, 'none')],
    ] as const) {
      const page = join(dirname(output), 'none.html');
      const result = await report(...args, '--output', page);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr.trim().split('\n')).toEqual([expect.stringContaining(sentence)]);
      expect(await readdir(dirname(output))).not.toContain('none.html');
      expect((await readdir(dirname(output))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
  }, 180_000);

  it('explains itself', async () => {
    const result = await report('--help');
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/DIR.*--labels FILE.*--draft.*--output FILE.*--json/s);
  });
});

it('the shipped network reads at least 70 % of its detections in six real photos right, and at most 5 % are false', async () => {
  const labels = new URL('../../../data/real-photos.json', import.meta.url).pathname;
  const photos = join(dirname(output), 'samples');
  await mkdir(photos);
  for (let k = 1; k <= 6; k++) await copyFile(samplePath(k), join(photos, `sample${k}.jpg`));
  const result = await report(photos, '--labels', labels, '--output', output, '--json');
  expect(result.code).toBe(0);
  const { detections, right, false: wrongly } = JSON.parse(result.stdout).totals;
  expect(right / detections).toBeGreaterThanOrEqual(0.7);
  expect(wrongly / detections).toBeLessThanOrEqual(0.05);
}, 300_000);
