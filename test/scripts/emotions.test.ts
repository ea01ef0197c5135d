import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { animation } from '../fixtures/animations.ts';
import { fourColours, sampleBytes, samplePath, ZIP } from '../fixtures/photos.ts';
import { saveUntrained } from '../helpers/retraining.ts';
import { RUNS_SOURCE, runScript, runScriptIn, type ScriptResult } from '../helpers/run-script.ts';
import { until } from '../helpers/until.ts';

const emotions = (...args: string[]) => runScript('emotions.ts', ...args);

let folder: string;
/** The options for a small network that has learnt nothing, which loads faster, where it does not matter what a face is read as. */
let untrained: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emotions-cli-'));
  const model = join(folder, 'model');
  await saveUntrained(model, 1);
  untrained = ['--model', model];
});
afterAll(() => rm(folder, { recursive: true }));

/** A file in the test's folder. */
async function file(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

/** An animation of two frames, which a person swings through. */
async function swinging(): Promise<Buffer> {
  const face = (left: number) =>
    sharp(sampleBytes(1)).resize(280).extract({ left, top: 0, width: 240, height: 180 }).png().toBuffer();
  return await animation(await Promise.all([face(0), face(20)]), 'gif');
}

function objects({ stdout }: ScriptResult) {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('emotions', () => {
  it('prints a line for each person and nothing else; for the sample photo, the lines in the README', async () => {
    const told = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const sample = fileURLToPath(new URL('../../assets/sample.jpg', import.meta.url));
    const { code, stdout } = await emotions(sample);
    expect(code).toBe(0);
    const printed = stdout.trimEnd().split('\n');
    expect(printed).toHaveLength(4);
    const one = EMOTIONS.join('|');
    const line = new RegExp(`^\\d\\. (${one}) \\d+ %$|^\\d\\. unsure: (${one}) \\d+ % or (${one}) \\d+ %$`);
    for (const [k, text] of printed.entries()) {
      expect(text).toMatch(line);
      expect(text.startsWith(`${k + 1}. `)).toBe(true);
    }
    const lines = (text: string) =>
      [...text.matchAll(/^ *(\d+\. (?:unsure: )?[a-z]+ \d+ %.*)$/gm)].map(([, line]) => line!);
    const words = (text: string) => lines(text).map((line) => line.replaceAll(/\d+ %/g, '%'));
    const numbers = (text: string) =>
      lines(text)
        .flatMap((line) => line.match(/\d+(?= %)/g) ?? [])
        .map(Number);
    expect(words(stdout)).toHaveLength(4);
    expect(words(told)).toEqual(words(stdout));
    // Another processor may round differently.
    for (const [k, number] of numbers(stdout).entries()) expect(Math.abs(number - numbers(told)[k]!)).toBeLessThan(4);
  });

  it('prints one object a photo in the order asked, errors among them, and ends with 1', async () => {
    const nobody = await file('nobody.png', await fourColours(320, 240).png().toBuffer());
    const zip = await file('zip.jpg', ZIP);
    const missing = join(folder, 'missing.jpg');
    const people = await file('people.jpg', await sharp(sampleBytes(6)).resize(640).jpeg().toBuffer());
    // Told as it was asked for.
    const sample = people.replace('people', './people');
    const result = await emotions('--json', '--detector', 'network', zip, sample, missing, nobody);
    expect(result.code).toBe(1);
    const [first, second, third, fourth, ...rest] = objects(result);
    expect(rest).toEqual([]);
    expect(first).toEqual({
      photo: zip,
      error: { code: 'not-a-picture', message: expect.stringMatching(/^This.*\.$/) },
    });
    expect(third).toEqual({
      photo: missing,
      error: { code: 'not-found', message: expect.stringMatching(/^There.*\.$/) },
    });
    expect(fourth).toEqual({ photo: nobody, width: 320, height: 240, faces: [], milliseconds: expect.any(Number) });

    expect(Object.keys(second)).toEqual(['photo', 'width', 'height', 'faces', 'milliseconds']);
    expect([second.photo, second.width, second.height]).toEqual([sample, 640, 512]);
    expect(second.faces).toHaveLength(4);
    for (const face of second.faces) {
      expect(Object.keys(face)).toEqual(['box', 'emotion', 'confidence', 'scores']);
      expect(Object.keys(face.box)).toEqual(['x', 'y', 'width', 'height']);
      expect(Object.keys(face.scores)).toEqual([...EMOTIONS]);
      const scores = Object.values<number>(face.scores);
      expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 10);
      for (const score of scores) expect(score).toBe(Number(score.toFixed(4)));
      expect([...EMOTIONS, 'unsure']).toContain(face.emotion);
      expect(face.confidence).toBe(Math.max(...scores));
      expect(face.box.x + face.box.width).toBeLessThanOrEqual(640);
    }
  });

  it('says on stderr what was not read and where nobody was found, names the photo where there are several', async () => {
    const nobody = await file('empty-street.png', await fourColours(320, 240).png().toBuffer());
    const face = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
    const one = await file('one.png', face);
    const cut = await file('cut.jpg', sampleBytes(1).subarray(0, 50_000));
    const moving = await file('swing.gif', await swinging());
    const result = await emotions(nobody, cut, one, moving, ...untrained);
    expect(result.code).toBe(1);
    expect(result.stdout.split('\n')[0]!.startsWith(`${one}: 1. `)).toBe(true);
    expect(result.stderr).toContain(`${nobody}: no face found.`);
    expect(result.stderr).toContain(`${cut}: This picture is damaged`);
    expect(result.stderr).not.toMatch(/at .*\.ts/);
    expect(result.stderr).toContain(`${moving} is an animation: 2 frames read.`);
    expect(result.stdout).toContain(`\n${moving}: 1. `);
    // How far it has come is for a terminal.
    expect(result.stderr).not.toContain('\u001b');
  });

  it('writes annotated pictures and leaves the photos as they are', async () => {
    const photo = await file('street.png', await fourColours(320, 240).png().toBuffer());
    const before = await readFile(photo);
    const moving = await file('wave.gif', await swinging());
    const out = join(folder, 'out');
    const result = await emotions(photo, moving, '--out', out, '--json', ...untrained);
    expect(result.code).toBe(0);
    expect(objects(result)).toMatchObject([
      { photo, picture: join(out, 'street-emotions.jpg') },
      { photo: moving, frames: { read: 2, of: 2 }, picture: join(out, 'wave-emotions.webp') },
    ]);
    expect((await readdir(out)).sort()).toEqual(['street-emotions.jpg', 'wave-emotions.webp']);
    expect((await sharp(join(out, 'wave-emotions.webp')).metadata()).pages).toBe(2);
    const { format, width } = await sharp(join(out, 'street-emotions.jpg')).metadata();
    expect([format, width]).toEqual(['jpeg', 640]);
    expect(await readFile(photo)).toEqual(before);
  });

  it('reads folders, patterns and standard input, tells which picture came from which, has a CSV row a person and quotes names that need it', async () => {
    const album = join(folder, 'album');
    await mkdir(join(album, 'deep'), { recursive: true });
    await mkdir(join(album, '.hidden'));
    const nobody = await fourColours(64, 48).png().toBuffer();
    for (const name of ['b10.png', 'b9.png', 'deep/b9.PNG', '.hidden/c.png', 'b9-emotions.jpg'])
      await writeFile(join(album, name), nobody);
    await writeFile(join(album, 'notes.txt'), 'no picture');
    const empty = join(folder, 'nothing');
    await mkdir(empty);
    const name = await file('at "home", again.jpg', await sharp(sampleBytes(6)).resize(640).jpeg().toBuffer());
    const moving = await file('nod.gif', await swinging());
    const words = [album, join(album, '*9.{png,gif}'), '-', empty, join(folder, '*.xyz'), name, moving];
    const result = await runScriptIn(
      { stdin: Readable.from([nobody]) },
      'emotions.ts',
      ...words,
      '--csv',
      '--out',
      album,
      ...untrained,
    );
    expect(result.code).toBe(1);
    const [head, ...all] = result.stdout.trimEnd().split('\n');
    const [nobodies, people] = [all.slice(0, 7), all.slice(7)];
    expect(head).toBe(
      'photo,person,emotion,confidence,angry,disgust,fear,happy,sad,surprise,neutral,x,y,width,height,unreadable,error,course,frames',
    );
    // What an earlier run wrote there is no photo; a photo whose picture has been written meanwhile neither.
    expect(nobodies.map((row) => row.replace(/,+/g, ','))).toEqual([
      ...['b9.png', 'b10.png', 'deep/b9.PNG', 'b9.png'].map((name) => `${join(album, name)},`),
      '-,',
      `${empty},not-found,`,
      `${join(folder, '*.xyz')},not-found,`,
    ]);
    expect((await readdir(album, { recursive: true })).filter((name) => name.includes('-emotions')).sort()).toEqual([
      'at "home", again-emotions.jpg',
      'b10-emotions.jpg',
      'b9-emotions.jpg',
      'deep/b9-emotions.jpg',
      'nod-emotions.webp',
      'stdin-emotions.jpg',
    ]);
    expect(result.stderr).toBe('');

    // Other photos of the same run: a CSV row a person, with rounded numbers, and names in quotes that need it.
    expect(result.stdout).toMatch(/,2 frames\n$/);
    const rows = people.filter((row) => !row.startsWith(moving));
    expect(rows).toHaveLength(4);
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const cells = rows.map((row) => row.slice(quoted.length + 1).split(','));
    for (const [k, row] of rows.entries()) {
      expect(row.startsWith(`${quoted},${k + 1},`)).toBe(true);
      const [, emotion, confidence, ...rest] = cells[k]!;
      expect([...EMOTIONS, 'unsure']).toContain(emotion);
      expect(confidence).toMatch(/^0\.\d{1,4}$|^1$/);
      expect(rest.slice(7, 11).every((side) => /^\d+$/.test(side))).toBe(true);
      expect(rest).toHaveLength(15);
    }
  });

  it('shows its progress on a terminal, and removes it again', async () => {
    const nobody = await file('dull.png', await fourColours(64, 48).png().toBuffer());
    const result = await runScriptIn({ isTTY: true }, 'emotions.ts', nobody, nobody, nobody, ...untrained);
    const shown = (k: number) =>
      `\r\u001b[K${`${k} of 3: ${nobody}`.slice(0, 78)}\r\u001b[K${nobody}: no face found.\n`;
    expect(result.stderr).toBe(`${[1, 2, 3].map(shown).join('')}\r\u001b[K`);
  });

  it('reads photos that are put into a folder while it watches it, and exits with 0', async () => {
    const album = join(folder, 'coming');
    await mkdir(album);
    const bytes = await fourColours(64, 48).png().toBuffer();
    await writeFile(join(album, 'there-before.png'), bytes);
    const end = new AbortController();
    const out = join(album, 'read');
    let said = { stdout: '', stderr: '' };
    const around = { signal: end.signal, onOutput: (now: typeof said) => (said = now) };
    const running = runScriptIn(around, 'emotions.ts', '--watch', album, '--json', '--out', out, ...untrained);
    const lines = () => said.stdout.split('\n').length - 1;
    await until(() => said.stderr.includes('from now on'));
    await writeFile(join(album, 'new.png'), bytes);
    await until(() => lines() === 1);
    await mkdir(join(album, 'sub'));
    await writeFile(join(album, 'sub', 'notes.txt'), 'no picture');
    await writeFile(join(album, 'sub', 'new.png'), ZIP);
    await until(() => lines() === 2);
    end.abort();
    const result = await running;
    const [first, second] = objects(result);
    expect(first).toMatchObject({ photo: join(album, 'new.png'), faces: [], picture: join(out, 'new-emotions.jpg') });
    expect(second).toMatchObject({ photo: join(album, 'sub', 'new.png'), error: { code: 'not-a-picture' } });
    // One photo could not be read.
    expect(result.code).toBe(1);
  });

  it.each([
    ['no photo', []],
    ['two formats', ['a.jpg', '--csv', '--json']],
    ['photos beside a folder to watch', ['a.jpg', '--watch', '.']],
    ['standard input twice', ['-', '-']],
    ['a folder to watch that is a file', ['--watch', fileURLToPath(import.meta.url)]],
    ['an option that does not exist', ['--jsno', 'a.jpg']],
    ['an option without its value', ['a.jpg', '--out']],
    ['a detector that does not exist', ['a.jpg', '--detector', 'skin']],
    ['an output folder that is a file', ['a.jpg', '--out', fileURLToPath(import.meta.url)]],
  ])('ends with 2 for %s, and shows the way', async (_, args) => {
    const result = await emotions(...args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/--help/);
  });

  it('ends with 1 and a sentence where there is no network', async () => {
    const result = await emotions(samplePath(6), '--model', folder);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('ends at Ctrl-C while it waits for standard input', async () => {
    const interrupt = new AbortController();
    async function* silent() {
      setTimeout(() => interrupt.abort(), 50);
      await new Promise(() => {});
      yield new Uint8Array();
    }
    const running = runScriptIn({ stdin: silent(), signal: interrupt.signal }, 'emotions.ts', '-');
    expect(await running).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  it('explains itself', async () => {
    const result = await emotions('--help');
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/PHOTO.*--out DIR.*--json/s);
  });

  it('works from any folder', async () => {
    const photo = await file('here.png', await fourColours(64, 64).png().toBuffer());
    const script = fileURLToPath(new URL('../../scripts/emotions.ts', import.meta.url));
    const result = await new Promise<{ error: unknown; stdout: string }>((resolve) => {
      execFile(process.execPath, [RUNS_SOURCE, script, 'here.png', '--json'], { cwd: folder }, (error, stdout) =>
        resolve({ error, stdout }),
      );
    });
    expect(result.error).toBeNull();
    expect(JSON.parse(result.stdout)).toMatchObject({ photo: 'here.png', faces: [] });
    expect(photo).toBe(join(folder, 'here.png'));
  });
});
