import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8');
const benchmarks = read('docs/benchmarks.md');

test.each(['README.md', 'docs/accuracy.md'])(
  '%s says of the speed what was measured last: docs/benchmarks.md',
  (path) => {
    const [, all] = /^\| all \| (\d+(?: to \d+)?) \|/m.exec(benchmarks)!;
    const ratios = [...benchmarks.matchAll(/^\| (?:face-api|Human) [^|]*\| (0\.\d\d(?: to 0\.\d\d)?);/gm)].map(
      ([, ratio]) => ratio,
    );
    expect(ratios).toHaveLength(3);
    for (const figure of [`${all} ms`, ...ratios]) expect.soft(read(path)).toContain(figure);
  },
);

test('README says of the accuracy what docs/accuracy.md says', () => {
  const cells = (path: string) =>
    [...read(path).matchAll(/^\|[^\n]*%[^\n]*$/gm)].map(([row]) => row.match(/\d\d(?:\.\d)? %/g));
  const figures = cells('README.md');
  expect(figures).toHaveLength(6);
  expect(cells('docs/accuracy.md')).toEqual(figures);
});

test('docs/api.md says of the sample photo what README says', () => {
  const [, confidence] = /"emotion":"happy","confidence":(0\.\d+)/.exec(read('docs/api.md'))!;
  const [, percent] = /^ *1\. happy (\d+) %$/m.exec(read('README.md'))!;
  expect(Math.round(100 * Number(confidence))).toBe(Number(percent));
});
