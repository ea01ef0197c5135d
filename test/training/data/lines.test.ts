import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLines } from '../../../src/training/data/lines.ts';
import { temporaryFolder } from '../../helpers/tiny-fer2013.ts';

test('a line of megabytes is cut to 64 KB, however many reads it takes, and the next one is whole', async () => {
  const file = join(await temporaryFolder(), 'long.csv');
  await writeFile(file, `${'1 '.repeat(1 << 21)}\nnext\r\nlast`);
  const lines: { number: number; length: number; end: string }[] = [];
  for await (const { bytes, number } of readLines(file))
    lines.push({ number, length: bytes.length, end: bytes.subarray(-4).toString() });
  expect(lines).toEqual([
    { number: 1, length: 1 << 16, end: '1 1 ' },
    { number: 2, length: 4, end: 'next' },
    { number: 3, length: 4, end: 'last' },
  ]);
});
