import type { WalkResult } from './photo.ts';
import type { ReadingResult } from './reading.ts';
import type { ContenderResult } from './training.ts';

/** Images a second of each contender, and round by round the ratio to the first. */
export function trainingTable(results: readonly ContenderResult[]): string {
  const [peer] = results;
  return table(
    ['', 'images/s: median (least to most)', 'against the first: median (least to most)'],
    results.map(({ name, imagesPerSecond }) => {
      const ratios = imagesPerSecond.map((rate, round) => rate / peer!.imagesPerSecond[round]!);
      return [name, spread(imagesPerSecond, 0), spread(ratios, 2)];
    }),
  );
}

/** Milliseconds a face, and round by round how many times as fast that is as the first contender at as many faces. */
export function readingTable(results: readonly ReadingResult[]): string {
  return table(
    ['faces', '', `ms a face: ${SPREAD}`, `times as fast as the first: ${SPREAD}`],
    results.map(({ faces, name, msPerFace }) => {
      const first = results.find((one) => one.faces === faces)!;
      return [`${faces}`, name, spread(msPerFace, 2), spread(speeds(first.msPerFace, msPerFace), 2)];
    }),
  );
}

/** The steps of the bot's walk; and where there is a peer, how many times as fast the part is that both do. */
export function photoTable(results: readonly WalkResult[]): string {
  const steps = results.flatMap(({ walks }) => walks.flatMap((walk) => walk.steps ?? []));
  const names = ['decode', 'detect', 'crop', 'classify', 'draw', 'all'] as const;
  const walk = table(
    ['the bot', `ms: ${SPREAD}`],
    names.map((name) => [
      name,
      spread(
        steps.map((one) => one[name]),
        1,
      ),
    ]),
  );
  if (results.length === 1) return walk;
  const together = ({ walks }: WalkResult) => walks.map(({ detect, read }) => detect + read);
  const compared = table(
    ['', 'faces found', 'detect, ms', 'crop and classify, ms', 'together, ms', 'times as fast as the first'],
    results.map((result) => [
      result.name,
      `${result.walks[0]!.faces}`,
      spread(
        result.walks.map(({ detect }) => detect),
        1,
      ),
      spread(
        result.walks.map(({ read }) => read),
        1,
      ),
      spread(together(result), 1),
      spread(speeds(together(results[0]!), together(result)), 2),
    ]),
  );
  return `${walk}\n\nCompared from the decoded picture to a reading of every face found: ${SPREAD}\n\n${compared}`;
}

const SPREAD = 'median (least to most)';

/** Round by round how many times as fast something is as the peer; both in milliseconds. */
function speeds(peer: readonly number[], milliseconds: readonly number[]): number[] {
  return milliseconds.map((value, round) => peer[round]! / value);
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** "3.14 (2.72 to 3.30)": the middle value, or the mean of the two in the middle, between the least and the most. */
export function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
  return `${median.toFixed(digits)} (${sorted[0]!.toFixed(digits)} to ${sorted.at(-1)!.toFixed(digits)})`;
}
