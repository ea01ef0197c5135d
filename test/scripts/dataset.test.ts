import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { SPLITS } from '../../src/training/data/fer2013.ts';
import { runScript } from '../helpers/run-script.ts';
import { csvText, temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

describe('npm run dataset', () => {
  it('check prints one JSON object and exits with 1 for a data set that is not whole', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, tinyRows(1, SPLITS));
    const { code, stdout } = await runScript('dataset.ts', 'check', '--data', folder, '--json');
    expect(code).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.splits.Training.emotions.happy).toBe(1);
    expect(report.splits.Training.official.emotions.happy).toBe(7215);
    expect(report.problems).toHaveLength(3);
  });

  it('check reports votes beside the chunks, and why they cannot be used', async () => {
    const folder = await temporaryFolder();
    const rows = tinyRows(1, SPLITS);
    await writeTinyFer2013(folder, rows);
    const header = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
    const votes = [header, ...rows.map(({ split }) => `${split},,0,8,0,0,0,0,0,2,0,0`)];
    await writeFile(join(folder, 'fer2013new.csv'), votes.join('\n'));
    const good = JSON.parse((await runScript('dataset.ts', 'check', '--data', folder, '--json')).stdout);
    expect(good.votes.Training).toMatchObject({ rows: 7, counting: { images: 7 }, likeLabel: 1 / 7 });
    expect(good.problems).toHaveLength(3);
    await writeFile(join(folder, 'fer2013new.csv'), votes.slice(0, -1).join('\n'));
    const { code, stdout } = await runScript('dataset.ts', 'check', '--data', folder);
    expect(code).toBe(1);
    expect(stdout).toContain('has 20 rows of votes for 21 rows of faces.');
    expect(stdout).not.toContain('people agree');
  });

  it('sheet writes a picture and says where', async () => {
    const folder = await temporaryFolder();
    await writeTinyFer2013(folder, tinyRows(2, SPLITS));
    const out = join(folder, 'new', 'sheet.png');
    const { code, stdout } = await runScript('dataset.ts', 'sheet', '--data', folder, '--out', out);
    expect([code, stdout]).toEqual([0, `${out}\n`]);
    expect((await sharp(out).metadata()).format).toBe('png');
  });

  it('check counts rows once that two files hold, and says which file it left out', async () => {
    const folder = await temporaryFolder();
    const rows = tinyRows(1, SPLITS);
    await writeFile(join(folder, 'fer2013.csv'), csvText(rows));
    await writeFile(join(folder, 'icml_face_data.csv'), csvText(rows).replaceAll('\n', '\r\n'));
    const { stdout, stderr } = await runScript('dataset.ts', 'check', '--data', folder, '--json');
    expect(JSON.parse(stdout).splits.Training.images).toBe(7);
    expect(stderr).toBe('icml_face_data.csv was left out: its rows are in fer2013.csv too, and are read once.\n');
  });

  it('other tools that read the data say the same', async () => {
    const folder = await temporaryFolder();
    const text = csvText(tinyRows(1, ['Training', 'PublicTest']));
    for (const name of ['fer2013.csv', 'copy.csv']) await writeFile(join(folder, name), text);
    const { stderr } = await runScript('fit-covers.ts', '--data', folder, '--faces', '2');
    expect(stderr).toBe('fer2013.csv was left out: its rows are in copy.csv too, and are read once.\n');
  });

  it('explains a missing data set in one sentence, with no stack', async () => {
    const { code, stdout, stderr } = await runScript('dataset.ts', 'check', '--data', await temporaryFolder());
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('npm run split-dataset -- fer2013.csv');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('names what can be neither read nor written, with no stack', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'chunks', 'fer2013_01.csv'), { recursive: true });
    await writeTinyFer2013(join(folder, 'data'), tinyRows(1, SPLITS));
    await writeFile(join(folder, 'file'), '');
    const mistakes: [args: string[], sentence: string][] = [
      [['check', '--data', join(folder, 'chunks')], 'fer2013_01.csv: it is a folder, not a file'],
      [['sheet', '--data', join(folder, 'data'), '--out', folder], `${folder} exists and is not a file`],
      [['sheet', '--data', join(folder, 'data'), '--out', join(folder, 'file', 'x.png')], 'x.png cannot be written'],
    ];
    for (const [args, sentence] of mistakes) {
      const { code, stdout, stderr } = await runScript('dataset.ts', ...args);
      expect(stderr).toContain(sentence);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect([code > 0, stdout]).toEqual([true, '']);
    }
  });

  it('has a help and exits with 2 for bad usage', async () => {
    const help = await runScript('dataset.ts', '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('npm run dataset -- check');
    for (const args of [
      [],
      ['nope'],
      ['check', '--nope'],
      ['check', 'sheet'],
      ['check', '--out', 'x.png'],
      ['sheet', '--json'],
    ]) {
      const { code, stdout, stderr } = await runScript('dataset.ts', ...args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('--help');
    }
  });
});

describe('npm run split-dataset', () => {
  it('refuses a file that is not FER2013 with 1, saying why', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'fer2013.csv');
    await writeFile(file, csvText(tinyRows(1, SPLITS)));
    const { code, stdout, stderr } = await runScript('split-dataset.ts', file, '--out', join(folder, 'out'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('fer2013.csv is not FER2013: it has 21 rows instead of 35887');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('names a file that is not there and a folder that is none, with no stack', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'file');
    const absent = await runScript('split-dataset.ts', file, '--out', join(folder, 'out'));
    expect([absent.code, absent.stderr]).toEqual([1, `There is no file ${file}.\n`]);
    await writeFile(file, '');
    const out = await runScript('split-dataset.ts', file, '--out', file);
    expect(out.stderr).toContain(`${file} cannot be written`);
    expect(out.stderr).not.toMatch(/^\s+at /m);
    expect(out.code).toBe(2);
  });

  it('has a help and exits with 2 for bad usage', async () => {
    expect((await runScript('split-dataset.ts', '--help')).stdout).toContain('--force');
    expect((await runScript('split-dataset.ts')).code).toBe(2);
    expect((await runScript('split-dataset.ts', 'a', 'b')).code).toBe(2);
    expect((await runScript('split-dataset.ts', 'a', '--nope')).code).toBe(2);
  });
});
