import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { measure } from '../../src/training/run/metrics.ts';
import {
  buildReport,
  readReport,
  reportFiles,
  type TrainingReport,
  writeReport,
} from '../../src/versions/training-report.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const training = {
  architecture: 'tiny',
  parameters: 1234,
  command: 'npm run train -- --architecture tiny --epochs 2',
  seed: 7,
  epochs: [
    { loss: 1.9, accuracy: 0.2, valLoss: 1.8, valAccuracy: 0.25 },
    { loss: 1.5, accuracy: 0.4, valLoss: 1.6, valAccuracy: 0.35 },
  ],
};
const metrics = measure([0, 1, 2, 3, 4, 5, 6, 6], [0, 1, 2, 3, 4, 5, 6, 0]);

describe('buildReport', () => {
  it('has exactly the published form', () => {
    const withExtras = { ...training, epochs: training.epochs.map((epoch) => ({ ...epoch, seconds: 3 })) };
    expect(buildReport(withExtras, metrics)).toEqual({
      ...training,
      privateTest: { images: 8, accuracy: 7 / 8, confusion: metrics.confusion },
    });
  });

  it('refuses what is not a report', () => {
    const bad: [change: object, reason: string][] = [
      [{ architecture: '../evil' }, 'architecture'],
      [{ epochs: [] }, 'at least one epoch'],
      [{ epochs: [{ ...training.epochs[0], valLoss: Number.NaN }] }, 'valLoss'],
      [{ epochs: [{ ...training.epochs[0], accuracy: 45 }] }, 'accuracy'],
      [{ parameters: 1.5 }, 'parameters'],
      [{ command: '' }, 'command'],
    ];
    for (const [change, reason] of bad) {
      expect(() => buildReport({ ...training, ...change }, metrics)).toThrow(
        expect.objectContaining({ code: 'bad-data', message: expect.stringContaining(reason) }),
      );
    }
    expect(() => buildReport(training, { ...metrics, accuracy: 0.9 })).toThrow(
      'does not agree with its confusion matrix',
    );
  });
});

describe('writeReport', () => {
  it('writes the JSON and its two pictures, which read back', async () => {
    const folder = join(await temporaryFolder(), 'reports');
    const report = buildReport(training, metrics);
    const files = await writeReport(folder, report);
    expect(files).toEqual(reportFiles(folder, 'tiny'));
    expect((await readdir(folder)).sort()).toEqual(['tiny-confusion.png', 'tiny-curves.png', 'tiny.json']);
    expect(JSON.parse(await readFile(files.json, 'utf8'))).toEqual(report);
    expect(await readReport(files.json)).toEqual(report);
    for (const picture of [files.curves, files.confusion]) {
      expect((await sharp(picture).metadata()).width).toBeGreaterThan(1000);
    }
  });

  it('replaces an older report and keeps it if the new one is not valid', async () => {
    const folder = await temporaryFolder();
    const report = buildReport(training, metrics);
    const { json } = await writeReport(folder, report);
    await writeReport(folder, { ...report, seed: 8 });
    const broken: TrainingReport = {
      ...report,
      epochs: [{ loss: Number.POSITIVE_INFINITY, accuracy: 0, valLoss: 0, valAccuracy: 0 }],
    };
    await expect(writeReport(folder, broken)).rejects.toMatchObject({ code: 'bad-data' });
    expect((await readReport(json)).seed).toBe(8);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('readReport', () => {
  it('says what is wrong with a file', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'x.json');
    await expect(readReport(path)).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(path, '{"architecture":');
    await expect(readReport(path)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining('not JSON'),
    });
    await writeFile(path, '{"architecture":"tiny"}');
    await expect(readReport(path)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining('parameters'),
    });
  });
});
