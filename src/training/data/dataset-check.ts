import { createHash } from 'node:crypto';
import { UserError } from '../../base/errors.ts';
import { exactPercent } from '../../base/numbers.ts';
import { EMOTIONS, type Emotion } from '../../emotion/labels.ts';
import { duplicateGroups, hasConflictingLabels, trainingDuplicates } from './duplicates.ts';
import { countLabels, type FaceSet, indexesWhere, isBlack, whereIs } from './face-set.ts';
import { type Fer2013, type SkippedRow, SPLITS, type Split } from './fer2013.ts';
import { OFFICIAL_COUNTS, total } from './fer2013-row.ts';
import { agreedFaces, type LeftOut, verdictOf } from './votes.ts';
import type { Votes } from './votes-file.ts';

/** Images of one split, in all and per emotion. */
interface SplitCount {
  readonly images: number;
  readonly emotions: Readonly<Record<Emotion, number>>;
}

/** The votes on the rows of one split. */
interface VotesCount {
  readonly rows: number;
  /** Rows on which people agree (see `agreedFaces`), by the emotion that they agree on. */
  readonly counting: SplitCount;
  /** The other rows, by the reason why they do not count. */
  readonly leftOut: Readonly<Record<LeftOut, number>>;
  /** The share of the rows that count whose label is that emotion, 0..1; null where none counts. */
  readonly likeLabel: number | null;
}

/** The result of checking a copy of FER2013 before training on it. */
export interface DatasetReport {
  readonly splits: Readonly<Record<Split, SplitCount & { readonly official: SplitCount }>>;
  /** Rows that could not be read. */
  readonly skipped: readonly SkippedRow[];
  readonly missingChunks: readonly string[];
  /** Pixel-identical images over all splits: groups of them, rows beyond the first of each, groups labelled differently. */
  readonly duplicates: { readonly groups: number; readonly surplus: number; readonly conflicting: number };
  /** Test rows whose pixels equal a Training row. */
  readonly inTraining: { readonly PublicTest: number; readonly PrivateTest: number };
  /** All-black images, as file:line. */
  readonly black: readonly string[];
  /** The votes, where there is a file of votes that belongs to the data. */
  readonly votes?: Readonly<Record<Split, VotesCount>> | undefined;
  /** True if every pixel, label and split, in order, is that of Kaggle's file. */
  readonly original: boolean;
  /** Problems, a sentence each; empty if this is all of FER2013. The flaws that the original has are not listed here. */
  readonly problems: readonly string[];
}

/**
 * SHA-256 over the labels and then the pixels of Training, PublicTest and PrivateTest, computed from the file whose md5 is
 * f8428a1edbd21e88f42c73edd2a14f95 (Kaggle's fer2013.csv).
 */
const ORIGINAL_DIGEST = '1bd6b568a0e8b39ba7ac63bdc09880301ab9d2d3102c7c7d42318d0eb8c00975';

/**
 * Checks a data set against what Kaggle published (or against `expected` counts).
 * @param votes the votes on it, or why they cannot be used
 */
export function checkDataset(data: Fer2013, expected = OFFICIAL_COUNTS, votes?: Votes | UserError): DatasetReport {
  const { Training, PublicTest, PrivateTest } = data.sets;
  const sets = SPLITS.map((split) => data.sets[split]);
  const groups = duplicateGroups(sets);
  const splits = Object.fromEntries(
    SPLITS.map((split) => [
      split,
      { ...splitCount(countLabels(data.sets[split])), official: splitCount(expected[split]) },
    ]),
  ) as Record<Split, SplitCount & { official: SplitCount }>;
  const unusable = votes instanceof UserError;
  return {
    splits,
    skipped: data.skipped,
    missingChunks: data.missingChunks,
    duplicates: {
      groups: groups.length,
      surplus: groups.reduce((sum, group) => sum + group.length - 1, 0),
      conflicting: groups.filter(hasConflictingLabels).length,
    },
    inTraining: {
      PublicTest: trainingDuplicates(PublicTest, Training).length,
      PrivateTest: trainingDuplicates(PrivateTest, Training).length,
    },
    black: sets.flatMap((set) =>
      Array.from(
        indexesWhere(set, (i) => isBlack(set, i)),
        (i) => whereIs(set, i),
      ),
    ),
    original: digest(sets) === ORIGINAL_DIGEST,
    ...(votes && !unusable && { votes: countVotes(data.sets, votes) }),
    problems: [...findProblems(data, splits), ...(unusable ? [votes.message] : [])],
  };
}

function splitCount(counts: readonly number[]): SplitCount {
  const emotions = Object.fromEntries(EMOTIONS.map((emotion, k) => [emotion, counts[k]])) as Record<Emotion, number>;
  return { images: total(counts), emotions };
}

function countVotes(sets: Fer2013['sets'], votes: Votes): Readonly<Record<Split, VotesCount>> {
  const of = (set: FaceSet): VotesCount => {
    const leftOut = { tied: 0, contempt: 0, unknown: 0, 'not a face': 0 };
    let like = 0;
    set.rows.index.forEach((row, k) => {
      const verdict = verdictOf(votes, row);
      if (typeof verdict !== 'number') leftOut[verdict]++;
      else if (verdict === set.labels[k]) like++;
    });
    const counting = splitCount(countLabels(agreedFaces(set, votes)));
    return { rows: set.count, counting, leftOut, likeLabel: counting.images === 0 ? null : like / counting.images };
  };
  return { Training: of(sets.Training), PublicTest: of(sets.PublicTest), PrivateTest: of(sets.PrivateTest) };
}

function digest(sets: readonly FaceSet[]): string {
  const hash = createHash('sha256');
  for (const set of sets) hash.update(set.labels).update(set.pixels);
  return hash.digest('hex');
}

function findProblems(data: Fer2013, splits: DatasetReport['splits']): string[] {
  const problems: string[] = [];
  if (data.missingChunks.length > 0) problems.push(`Missing chunks: ${data.missingChunks.join(', ')}.`);
  if (data.skipped.length > 0) problems.push(`Bad rows: ${data.skipped.length}, skipped when training.`);
  for (const split of SPLITS) {
    const { emotions, official } = splits[split];
    const wrong = EMOTIONS.filter((emotion) => emotions[emotion] !== official.emotions[emotion]);
    if (wrong.length === 0) continue;
    const list = wrong.map((emotion) => `${emotion} ${emotions[emotion]} instead of ${official.emotions[emotion]}`);
    problems.push(`${split} does not have the official counts: ${list.join(', ')}.`);
  }
  return problems;
}

/** The report as lines of text for a terminal. */
export function formatReport(report: DatasetReport): string {
  const lines = [
    ...countTable(report),
    '',
    `Pixel-identical images: ${report.duplicates.surplus} surplus rows in ${report.duplicates.groups} groups, ` +
      `${report.duplicates.conflicting} groups with conflicting labels`,
    `Test rows that equal a Training row: ${report.inTraining.PublicTest} of PublicTest, ` +
      `${report.inTraining.PrivateTest} of PrivateTest`,
    `Black images: ${report.black.length}${report.black.length > 0 ? ` (${report.black.join(', ')})` : ''}`,
    `Bad rows: ${report.skipped.length}`,
    ...report.skipped.slice(0, 20).map(({ file, line, reason }) => `  ${file}:${line}: ${reason}`),
    ...(report.skipped.length > 20 ? [`  … and ${report.skipped.length - 20} more (--json lists all)`] : []),
    ...(report.votes ? votesLines(report.votes) : []),
    `Same pixels as Kaggle's file: ${report.original ? 'yes' : 'no'}`,
    '',
    ...(report.problems.length > 0
      ? ['Something is wrong:', ...report.problems.map((problem) => `  ${problem}`)]
      : ['This is FER2013, whole. The duplicates and black images above are in the original too.']),
  ];
  return `${lines.join('\n')}\n`;
}

/** How many rows of each split count by votes, for which emotions, and why the others do not. */
function votesLines(votes: NonNullable<DatasetReport['votes']>): string[] {
  return SPLITS.flatMap((split) => {
    const { rows, counting, leftOut, likeLabel } = votes[split];
    const list = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ');
    return [
      `Votes on ${split}: people agree on ${counting.images} of ${rows} rows (${list(counting.emotions)})` +
        `${likeLabel === null ? '' : `; the label is the same on ${exactPercent(likeLabel)} of them`}`,
      `  left out: ${list(leftOut)}`,
    ];
  });
}

/** A row for each split: images per emotion and in all, with the official number behind those that differ. */
function countTable({ splits }: DatasetReport): string[] {
  const cell = (found: number, official: number) => (found === official ? `${found}` : `${found} (${official})`);
  const rows = [
    ['', ...EMOTIONS, 'all'],
    ...SPLITS.map((split) => {
      const { emotions, images, official } = splits[split];
      return [
        split,
        ...EMOTIONS.map((emotion) => cell(emotions[emotion], official.emotions[emotion])),
        cell(images, official.images),
      ];
    }),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!))).join('  '),
  );
}
