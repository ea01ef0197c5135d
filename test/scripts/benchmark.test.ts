import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { bombsTable } from '../../scripts/benchmark/bombs.ts';
import { memoryJson, memoryTable, startJson, startTable } from '../../scripts/benchmark/bot.ts';
import { CROP_SIDE, type FaceApi, startFaceApi } from '../../scripts/benchmark/face-api.ts';
import { startHuman } from '../../scripts/benchmark/human.ts';
import { photoJson, photoTable } from '../../scripts/benchmark/photo.ts';
import { benchmarkReading, readingTable } from '../../scripts/benchmark/reading.ts';
import { spread, takeTurns } from '../../scripts/benchmark/rounds.ts';
import { trainingTable } from '../../scripts/benchmark/training.ts';
import { findRuntime } from '../../src/emotion/engines/tensorflow/runtime.ts';
import { sampleBytes } from '../fixtures/photos.ts';
import { saveUntrained } from '../helpers/retraining.ts';
import { RUNS_SOURCE, runScript, type ScriptResult } from '../helpers/run-script.ts';
import { until } from '../helpers/until.ts';

const benchmark = (...args: string[]) => runScript('benchmark.ts', ...args);

let folder: string;
/** A small photo of four people, and a fast network: the tests do not check the figures. */
let photo: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'benchmark-'));
  photo = join(folder, 'photo.jpg');
  model = join(folder, 'model');
  await sharp(sampleBytes(6)).resize(480).toFile(photo);
  await saveUntrained(model, 1);
});
afterAll(() => rm(folder, { recursive: true }));

/** The cells of all tables in what was printed, heads and rules left out. */
function tables({ stdout }: Pick<ScriptResult, 'stdout'>): string[][][] {
  return stdout
    .split('\n\n')
    .filter((part) => part.startsWith('|'))
    .map((part) =>
      part
        .trim()
        .split('\n')
        .slice(2)
        .map((line) => line.slice(2, -2).split(' | ')),
    );
}

describe('benchmark', () => {
  it('leaves no folder behind where a signal ends it while its bot runs', async () => {
    const temporary = join(folder, 'temporary');
    await mkdir(temporary);
    const child = fork(RUNS_SOURCE, ['scripts/benchmark.ts', 'start', '--model', model], {
      env: { ...process.env, TMPDIR: temporary },
      execArgv: [],
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await until(async () => (await readdir(temporary)).some((name) => name.startsWith('benchmark-bot-')));
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it.each([
    [[], /^Say what to do\. \(--help/],
    [['reading', 'photo'], /reading takes no word after it, so not "photo"/],
    [['phto'], /There is no "phto"\. Did you mean photo\?/],
    [['reading', '--batch', '3'], /reading has no --batch/],
    [['photo', '--faces', '3'], /photo has no --faces/],
    [['start', '--photos', '3'], /start has no --photos/],
    [['training', '--model', 'model'], /training has no --model/],
    [['training', '--architecture', 'none'], /no architecture called none/],
    [['training', '--steps', '1.5'], /--steps must be a whole number from 1 on/],
    [['photo', '--rounds', '0'], /--rounds must be a whole number from 1 on/],
    [['reading', '--faces', '1,,3'], /--faces must be whole numbers from 1 on with commas/],
    [['reading', '--faces', '1,-3'], /--faces/],
  ])('refuses %j in words', async (args, sentence) => {
    const result = await benchmark(...args);
    expect(result.stderr).toMatch(sentence);
    expect(result.stderr).toMatch(/--help/);
    expect([result.code, result.stdout]).toEqual([2, '']);
  });

  it.each([
    [['reading', '--model', 'test'], /No usable model in test/],
    [['photo', '--model', 'test'], /No usable model in test/],
    [['photo', '--photo', 'test/none.jpg'], /no such file/],
    [['start', '--model', 'test'], /No usable model in \S+test/],
    [['memory', '--photo', 'test/none.jpg'], /no such file/],
    [['bombs', '--photo', 'test/none.jpg'], /no such file/],
    [['photo', '--photo', 'package.json'], /not a picture/i],
  ])('ends with 1 and a sentence for %j', async (args, sentence) => {
    const result = await benchmark(...args);
    expect(result.stderr).toMatch(sentence);
    expect(result.stderr).not.toMatch(/at .*\.ts/);
    expect([result.code, result.stdout]).toEqual([1, '']);
  });

  it('explains itself', async () => {
    const result = await benchmark('--help');
    expect(result.stdout).toMatch(/training.*reading.*photo.*--faces N,N,\.\.\..*--photo FILE/s);
    expect(result.code).toBe(0);
  });
});

test('the first of many rounds is not counted, and contenders take turns', async () => {
  const turns: string[] = [];
  const measured = await takeTurns(['a', 'b'], 2, async (contender, round) => {
    turns.push(`${contender}, ${round}`);
    return turns.length;
  });
  expect(turns).toEqual([
    'a, round 0 (not counted)',
    'b, round 0 (not counted)',
    'a, round 1',
    'b, round 1',
    'a, round 2',
    'b, round 2',
  ]);
  expect(measured).toEqual([
    [3, 5],
    [4, 6],
  ]);
});

test('memory posts photos to a bot that runs, and says what it holds', { timeout: 120_000 }, async () => {
  const { code, stdout } = await benchmark('memory', '--photos', '2', '--json', '--photo', photo, '--model', model);
  expect(code).toBe(0);
  const { machine, photos, megabytes, milliseconds } = JSON.parse(stdout);
  expect(machine).toContain(`Node ${process.version}`);
  expect(photos).toBe(2);
  expect(megabytes.started).toBeGreaterThan(50);
  expect(megabytes.tenths).toHaveLength(2);
  expect(milliseconds.longestBlocked).toBeGreaterThan(0);
});

describe('figures of the bot', () => {
  const result = { address: [30, 10, 20], cpu: [5, 5, 7], first: [9, 9, 9], second: [6, 6, 1], tool: [40, 50, 60] };

  it('of its start are medians, and the first photo against the second', () => {
    expect(startJson(result)).toEqual({
      milliseconds: { address: 20, cpu: 5, first: 9, second: 6, tool: 50 },
      ratios: { firstVersusSecond: 1.5 },
    });
    expect(startTable(result)).toContain('| `npm start` to its address | 20 (10 to 30) |');
  });

  it('of ten bombs are the most that was held, and how long the others waited', () => {
    const bombs = [{ name: 'a.png', megabytes: 30.04 }];
    const result = {
      megabytes: { rest: 451.2, most: 650.7 },
      milliseconds: { other: 5170, all: 61_000 },
      processorMilliseconds: { other: 1230, all: 12_000 },
      bombs,
    };
    const table = bombsTable({ ...result, answers: ['a.png: no face'] });
    expect(table).toContain('| MB at most, while the ten were read | 651 |');
    expect(table).toContain('| s until the other person was answered | 5.2 |');
    expect(table.match(/^\| s of processor time until then \| .* \|$/gm)).toEqual([
      '| s of processor time until then | 1.2 |',
      '| s of processor time until then | 12.0 |',
    ]);
    expect(table).toContain('| a.png | 30.0 |');
    expect(table).toContain('- a.png: no face');
    const never = { ...result, milliseconds: { other: null, all: 1 }, answers: [] };
    expect(bombsTable(never)).toContain('| s until the other person was answered | never |');
  });

  it('of its memory are the most of each tenth, the largest against the second', () => {
    const after = Array.from({ length: 20 }, (_, k) => 100 + k);
    const memory = { megabytes: [50, ...after], answers: after, blocked: after.map((_, k) => (k === 4 ? 90 : 10)) };
    expect(memoryJson(memory)).toEqual({
      photos: 20,
      megabytes: { started: 50, first: 100, tenths: [101, 103, 105, 107, 109, 111, 113, 115, 117, 119], last: 119 },
      milliseconds: { photo: 109.5, blocked: 10, longestBlocked: 90 },
      ratios: { largestTenthVersusSecond: 119 / 103 },
    });
    expect(memoryTable(memory)).toContain('| MB, the most of each tenth | 101 103 105 107 109 111 113 115 117 119 |');
  });
});

describe('tables', () => {
  it('give the middle of an odd and of an even number of rounds', () => {
    expect(spread([3, 1, 20], 0)).toBe('3 (1 to 20)');
    expect(spread([4, 1, 3, 20], 1)).toBe('3.5 (1.0 to 20.0)');
    expect(spread([2], 2)).toBe('2.00 (2.00 to 2.00)');
  });

  it('give the rates of a training and their ratios round by round', () => {
    const table = trainingTable([
      { name: 'peer', imagesPerSecond: [100, 200, 400] },
      { name: 'ours', imagesPerSecond: [150, 100, 800] },
    ]);
    expect(table.split('\n')).toEqual([
      '| | images/s: median (least to most) | against the first: median (least to most) |',
      '| --- | --- | --- |',
      '| peer | 200 (100 to 400) | 1.00 (1.00 to 1.00) |',
      '| ours | 150 (100 to 800) | 1.50 (0.50 to 2.00) |',
    ]);
  });

  it('compare readings with the first contender at as many faces', () => {
    const table = readingTable([
      { faces: 1, name: 'peer', msPerFace: [10, 12, 14] },
      { faces: 1, name: 'ours', msPerFace: [5, 3, 28] },
      { faces: 6, name: 'peer', msPerFace: [8, 8, 8] },
      { faces: 6, name: 'ours', msPerFace: [2, 4, 16] },
    ]);
    expect(table.split('\n')).toEqual([
      '| faces | | ms a face: median (least to most) | times as fast as the first: median (least to most) |',
      '| --- | --- | --- | --- |',
      '| 1 | peer | 12.00 (10.00 to 14.00) | 1.00 (1.00 to 1.00) |',
      '| 1 | ours | 5.00 (3.00 to 28.00) | 2.00 (0.50 to 4.00) |',
      '| 6 | peer | 8.00 (8.00 to 8.00) | 1.00 (1.00 to 1.00) |',
      '| 6 | ours | 4.00 (2.00 to 16.00) | 2.00 (0.50 to 4.00) |',
    ]);
  });

  const walk = (scale: number) => ({
    faces: 3,
    milliseconds: 120 * scale,
    steps: { decode: 10 * scale, detect: 100 * scale, crop: 5 * scale, classify: 15 * scale, draw: 40, all: 200 },
  });
  const bot = { id: 'bot', name: 'bot', walks: [walk(1), walk(2)] } as const;
  const steps = [
    '| the bot | ms: median (least to most) |',
    '| --- | --- |',
    '| decode | 15.0 (10.0 to 20.0) |',
    '| detect | 150.0 (100.0 to 200.0) |',
    '| crop | 7.5 (5.0 to 10.0) |',
    '| classify | 22.5 (15.0 to 30.0) |',
    '| draw | 40.0 (40.0 to 40.0) |',
    '| all | 200.0 (200.0 to 200.0) |',
  ];

  it("give the steps of the bot's walk, and compare the part that the peers do too, round by round", () => {
    const human = {
      id: 'human',
      name: 'peer',
      walks: [480, 300].map((milliseconds) => ({ faces: 4, milliseconds })),
    } as const;
    expect(photoTable([bot, human]).split('\n')).toEqual([
      ...steps,
      '',
      'From the decoded picture to a reading of every face found',
      '',
      "| | faces found | ms: median (least to most) | the bot's time as a part of it |",
      '| --- | --- | --- | --- |',
      '| bot | 3 | 180.0 (120.0 to 240.0) | 1.00 (1.00 to 1.00) |',
      '| peer | 4 | 390.0 (300.0 to 480.0) | 0.53 (0.25 to 0.80) |',
    ]);
    expect(photoJson([bot, human])).toEqual({
      faces: { bot: 3, human: 4 },
      steps: { decode: 15, detect: 150, crop: 7.5, classify: 22.5, draw: 40, all: 200 },
      ratios: { versusFaceApiSsd: null, versusFaceApiTiny: null, versusHuman: 0.525 },
    });
  });

  it('compare nothing where there is no peer', () => {
    expect(photoTable([bot]).split('\n')).toEqual(steps);
  });
});

const SPREAD = /^\d+\.\d+ \(\d+\.\d+ to \d+\.\d+\)$/;

/** Looks at the rows of a reading's table, and at what was said of each turn. */
async function expectReading(rows: string[][], said: string, faces: readonly string[], threads: number) {
  const contenders = [
    expect.stringMatching(/^face-api \d\S+ \(wasm, 1 thread\)$/),
    `onnx (CPU, ${threads} thread${threads > 1 ? 's' : ''})`,
    ...(threads > 1 ? ['onnx (CPU, 1 thread)'] : []),
    ...((await findRuntime()).runtime ? [expect.stringMatching(/^tensorflow/)] : []),
  ];
  expect(rows.map(([count, name]) => [count, name])).toEqual(
    faces.flatMap((count) => contenders.map((name) => [count, name])),
  );
  for (const [, name, milliseconds, ratio] of rows) {
    expect(milliseconds).toMatch(SPREAD);
    expect(ratio).toMatch(SPREAD);
    if (name!.startsWith('face-api')) expect(ratio).toBe('1.00 (1.00 to 1.00)');
  }
  expect(said.match(/^round 0 \(not counted\): .* ms a face$/gm)).toHaveLength(rows.length);
  expect(said.match(/^round 1: .* ms a face$/gm)).toHaveLength(rows.length);
}

test('reading reports every contender at every number of faces', { timeout: 120_000 }, async () => {
  const numbers = ['--faces', '1,2', '--rounds', '1', '--threads', '2'];
  const result = await benchmark('reading', ...numbers, '--model', model);
  await expectReading(tables(result)[0]!, result.stderr, ['1', '2'], 2);
  expect(result.code).toBe(0);
});

test('photo tells programs the steps, and the faces and times of all contenders', { timeout: 120_000 }, async () => {
  const result = await benchmark('photo', '--json', '--photo', photo, '--model', model, '--rounds', '1');
  expect(result.code).toBe(0);
  const { machine, faces, steps, ratios } = JSON.parse(result.stdout);
  expect(machine).toContain(`Node ${process.version}`);
  expect(faces).toEqual({ bot: 4, faceApiSsd: 4, faceApiTiny: expect.any(Number), human: 4 });
  const { all, ...each } = steps as Record<string, number>;
  expect(Object.keys(each)).toEqual(['decode', 'detect', 'crop', 'classify', 'draw']);
  // One round: its steps make up the whole, but for rounding.
  expect(Object.values(each).reduce((sum, time) => sum + time)).toBeCloseTo(all!, 0);
  expect(Object.keys(ratios)).toEqual(['versusFaceApiSsd', 'versusFaceApiTiny', 'versusHuman']);
  for (const ratio of Object.values(ratios)) expect(ratio).toBeGreaterThan(0);
});

describe('face-api', () => {
  it('is left out, and says why, where its backend does not load', async () => {
    const sentences: string[] = [];
    const log = (sentence: string) => sentences.push(sentence);
    expect(await startFaceApi({ threads: 1, log, backend: '@tensorflow/none' })).toBeUndefined();
    expect(sentences).toEqual([expect.stringMatching(/^face-api is left out: .*@tensorflow\/none/)]);
  });

  describe('in one process', () => {
    let faceApi: FaceApi;
    beforeAll(async () => {
      faceApi = (await startFaceApi({ threads: 1, log: () => {} }))!;
    });
    afterAll(() => faceApi.close());

    it('is read beside onnx on one thread, which is there once', { timeout: 120_000 }, async () => {
      const said: string[] = [];
      const log = (sentence: string) => said.push(sentence);
      const result = await benchmarkReading({ model, faces: [1], threads: 1, rounds: 1, faceApi, log });
      const [rows] = tables({ stdout: readingTable(result) });
      await expectReading(rows!, said.join('\n'), ['1'], 1);
    });

    it('reads crops and finds faces, and says when its process has ended', async () => {
      const crops = [1, 2].map((gray) => new Uint8Array(CROP_SIDE * CROP_SIDE * 3).fill(100 * gray));
      const once = await faceApi.read(crops, 1);
      expect(once.milliseconds).toBeGreaterThan(0);
      const nobody = { width: 64, height: 48, data: new Uint8Array(64 * 48 * 3) };
      expect(await faceApi.walk(nobody, 'tinyFaceDetector')).toMatchObject({ faces: 0 });
      // A crop of the wrong size is a mistake in this program: the process ends with it.
      await expect(faceApi.read([new Uint8Array(9)], 1)).rejects.toThrow(/process of face-api ended/);
      await expect(faceApi.read(crops, 1)).rejects.toThrow(/process of face-api ended/);
    });
  });
});

test('Human is left out, and says why, where it does not load', async () => {
  const sentences: string[] = [];
  const log = (sentence: string) => sentences.push(sentence);
  expect(await startHuman({ log, library: '@vladmandic/none' })).toBeUndefined();
  expect(sentences).toEqual([expect.stringMatching(/^Human is left out: .*@vladmandic\/none/)]);
});
