import sharp from 'sharp';
import { expect, it } from 'vitest';
import { exampleSheet, examplesOf } from '../../src/evaluation/example-sheet.ts';
import { plainFaces, reading } from '../helpers/plain-faces.ts';

it('the surest right and wrong readings of each label come first, six of each, and no picture twice', () => {
  const happy = Array.from({ length: 9 }, (_, k) => reading(3, 0.5 + 0.05 * k));
  const others = [reading(6, 0.6), reading(4, 0.9), reading(0, 0.7)]; // labels: happy, happy, angry
  const levels = [10, 20, 30, 40, 50, 60, 70, 80, 80, 90, 100, 110]; // indexes 7 and 8 are one picture
  const set = plainFaces(levels, [...happy.map(() => 3), 3, 3, 0]);
  const examples = examplesOf(set, [...happy, ...others]);
  expect(examples.map(({ index }) => index)).toEqual([11, 8, 6, 5, 4, 3, 2, 10, 9]);
  expect(examples.map(({ read, label }) => read === label)).toEqual([true, ...Array(6).fill(true), false, false]);
  expect(examples[7]).toMatchObject({ label: 3, read: 4 });
  expect(examples[7]!.confidence).toBeCloseTo(0.9, 6);
});

it('the sheet shows them: right ones left, wrong ones right, in the row of their label', async () => {
  const set = plainFaces([40, 200], [3, 3]);
  const examples = examplesOf(set, [reading(3, 0.8), reading(6, 0.7)]);
  const { data, info } = await sharp(await exampleSheet(set, examples))
    .grayscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const count = (level: number) => data.filter((pixel) => Math.abs(pixel - level) <= 1).length;
  expect(count(40)).toBeGreaterThanOrEqual(96 * 96);
  expect(count(200)).toBeGreaterThanOrEqual(96 * 96);
  const block = (level: number) => {
    const at = data.findIndex((_, k) => [0, 1, 2, 3, 4, 5].every((step) => Math.abs(data[k + step]! - level) <= 1));
    return { x: at % info.width, y: Math.floor(at / info.width) };
  };
  expect(block(200).y).toBe(block(40).y);
  expect(block(40).x).toBeLessThan(info.width / 2);
  expect(block(200).x).toBeGreaterThan(info.width / 2);
});
