import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { fourColours, sampleBytes, samplePath, ZIP } from '../fixtures/photos.ts';
import { RUNS_SOURCE, runScript, type ScriptResult } from '../helpers/run-script.ts';

const emotions = (...args: string[]) => runScript('emotions.ts', ...args);
/** No cascades: loading OpenCV takes most of a short run. The first test has them. */
const FAST = ['--detector', 'network'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emotions-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file in the test's folder. */
async function file(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

function objects({ stdout }: ScriptResult) {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('emotions', () => {
  it('prints one object a photo in the order asked, errors among them, and ends with 1', async () => {
    const nobody = await file('nobody.png', await fourColours(320, 240).png().toBuffer());
    const zip = await file('zip.jpg', ZIP);
    const missing = join(folder, 'missing.jpg');
    const people = await file('people.jpg', await sharp(sampleBytes(6)).resize(640).jpeg().toBuffer());
    // Told as it was asked for.
    const sample = people.replace('people', './people');
    const result = await emotions('--json', zip, sample, missing, nobody);
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
      expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
      expect([...EMOTIONS, 'unsure']).toContain(face.emotion);
      expect(face.confidence).toBe(Math.max(...scores));
      expect(face.box.x + face.box.width).toBeLessThanOrEqual(640);
    }
  });

  it('prints a line a person and nothing else', async () => {
    const result = await emotions(samplePath(6), ...FAST);
    expect(result.code).toBe(0);
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    const words = EMOTIONS.join('|');
    const line = new RegExp(`^\\d\\. (${words}) \\d+ %$|^\\d\\. unsure: (${words}) \\d+ % or (${words}) \\d+ %$`);
    for (const [k, text] of lines.entries()) {
      expect(text).toMatch(line);
      expect(text.startsWith(`${k + 1}. `)).toBe(true);
    }
  });

  it('says on stderr what was not read and where nobody was found, names the photo where there are several', async () => {
    const nobody = await file('empty-street.png', await fourColours(320, 240).png().toBuffer());
    const face = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
    const one = await file('one.png', face);
    const cut = await file('cut.jpg', sampleBytes(1).subarray(0, 50_000));
    const result = await emotions(nobody, cut, one, ...FAST);
    expect(result.code).toBe(1);
    expect(result.stdout.split('\n')[0]!.startsWith(`${one}: 1. `)).toBe(true);
    expect(result.stderr).toContain(`${nobody}: no face found.`);
    expect(result.stderr).toContain(`${cut}: This picture is damaged`);
    expect(result.stderr).not.toMatch(/at .*\.ts/);
  });

  it('writes annotated pictures and leaves the photos as they are', async () => {
    const photo = await file('street.png', await fourColours(320, 240).png().toBuffer());
    const before = await readFile(photo);
    const out = join(folder, 'out');
    const result = await emotions(photo, photo, '--out', out, ...FAST);
    expect(result.code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(['street-emotions-2.jpg', 'street-emotions.jpg']);
    const { format, width } = await sharp(join(out, 'street-emotions.jpg')).metadata();
    expect([format, width]).toEqual(['jpeg', 640]);
    expect(await readFile(photo)).toEqual(before);
  });

  it.each([
    ['no photo', []],
    ['an option that does not exist', ['--jsno', 'a.jpg']],
    ['an option without its value', ['a.jpg', '--out']],
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

  it('explains itself', async () => {
    const result = await emotions('--help');
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/PHOTO.*--out DIR.*--json/s);
  });

  it('works from any folder', async () => {
    const photo = await file('here.png', await fourColours(64, 64).png().toBuffer());
    const script = fileURLToPath(new URL('../../scripts/emotions.ts', import.meta.url));
    const result = await new Promise<{ error: unknown; stdout: string }>((resolve) => {
      execFile(
        process.execPath,
        [RUNS_SOURCE, script, 'here.png', '--json', ...FAST],
        { cwd: folder },
        (error, stdout) => resolve({ error, stdout }),
      );
    });
    expect(result.error).toBeNull();
    expect(JSON.parse(result.stdout)).toMatchObject({ photo: 'here.png', faces: [] });
    expect(photo).toBe(join(folder, 'here.png'));
  });
});
