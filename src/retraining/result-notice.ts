import { readFile } from 'node:fs/promises';
import { UserError } from '../base/errors.ts';
import { unlessMissing } from '../base/files.ts';
import { exactPercent, points } from '../base/numbers.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import type { Figures, FigureTable } from '../training/pictures/figures.ts';
import type { VersionId } from '../versions/shipped.ts';
import { readReport, reportFiles } from '../versions/training-report.ts';
import type { VersionCard } from '../versions/version-card.ts';
import { isBetter } from './is-better.ts';
import type { Notice } from './notice-boards.ts';

/**
 * The result card, with the curves and the confusion matrix.
 * @param outcome whether the version was put in use, and how much better it had to be for that (0..1)
 * @param directory the version's folder
 */
export async function resultNotice(
  card: VersionCard,
  outcome: { readonly promoted: boolean; readonly margin: number },
  directory: string,
): Promise<Notice> {
  const {
    version,
    architecture,
    against,
    measure,
    incomparable = false,
    privateTest,
    publicTest,
    plannedEpochs = card.epochs,
  } = card;
  const gain = against ? publicTest.accuracy - against.publicTest.accuracy : 0;
  const rows = compared(card);
  const figure = ({ name, now, before }: Compared) =>
    `${name}: ${exactPercent(now)}${before === undefined ? '' : ` (before ${exactPercent(before)}, ${change(now, before)})`}`;
  const recalls = rows.recalls.map(
    ({ name, now, before }) => `${name} ${exactPercent(now)}${before === undefined ? '' : ` (${change(now, before)})`}`,
  );
  const notBetter = gain > 0 ? `not ${points(outcome.margin).slice(1)} points better` : 'no better';
  const whyNot = incomparable
    ? 'it cannot be compared with the network in use, which learned from votes (fer2013new.csv is not beside the data)'
    : isBetter(card, outcome.margin)
      ? 'somebody chose which network is in use after it was compared'
      : `${notBetter} on PublicTest`;
  const first = outcome.promoted
    ? `Version ${version} (${architecture}) is trained and in use. /retrain rollback takes that back.`
    : `Version ${version} (${architecture}) is trained, but ${whyNot}: ` +
      `the network in use stays. /retrain promote ${version} puts it in use all the same.`;
  const comparison = against
    ? `Compared with version ${against.version}, which was in use${measure === 'votes' ? ', by what people voted for' : ''}:`
    : incomparable
      ? 'By FER2013’s own labels:'
      : 'The network that was in use could not be read, so there is nothing to compare with.';
  const epochs = [
    `Best epoch ${card.bestEpoch} of ${card.epochs}; its network is the one that was kept.`,
    ...(plannedEpochs > card.epochs ? [earlyLine({ ...card, plannedEpochs })] : []),
  ];
  const text = [
    first,
    comparison,
    ...rows.splits.map(figure),
    `Recognised on PrivateTest: ${recalls.join(', ')}`,
    ...epochs,
  ].join('\n');
  const files = reportFiles(`${directory}/reports`, architecture);
  const picture = async (path: string, name: string, altText: string) => {
    const bytes = await unlessMissing(() => readFile(path));
    return bytes ? [{ bytes, mime: 'image/png', name, altText }] : [];
  };
  const pictures = await Promise.all([
    picture(
      files.curves,
      `version-${version}-curves.png`,
      `Learning curves of version ${version}: loss and accuracy of training and validation over ${card.epochs} epochs, ` +
        `the best on validation being epoch ${card.bestEpoch}`,
    ),
    picture(
      files.confusion,
      `version-${version}-confusion.png`,
      `Confusion matrix of version ${version} on PrivateTest: accuracy ${exactPercent(privateTest.accuracy)}, recognised of ` +
        `each emotion: ${EMOTIONS.map((emotion) => `${emotion} ${shareOf(privateTest.recall[emotion])}`).join(', ')}`,
    ),
  ]);
  const report = await readReport(files.json).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
  const figures: Figures = {
    lead: [first, ...epochs].join('\n'),
    table: tableOf(comparison, rows, version, against?.version),
    ...(report && {
      curves: report.epochs,
      matrices: [{ name: `Version ${version} on PrivateTest`, rows: report.privateTest.confusion }],
    }),
  };
  return { text, pictures: pictures.flat(), figures };
}

/** A share (0..1), and the same figure of the network that was in use, if there was one. */
interface Compared {
  readonly name: string;
  readonly now: number;
  readonly before: number | undefined;
}

/** The figures of the splits, and the recall of each emotion on PrivateTest. */
function compared({ against, privateTest, publicTest }: VersionCard) {
  const splits: readonly Compared[] = [
    { name: 'PrivateTest accuracy', now: privateTest.accuracy, before: against?.privateTest.accuracy },
    { name: 'PrivateTest macro recall', now: privateTest.macroRecall, before: against?.privateTest.macroRecall },
    { name: 'PublicTest accuracy', now: publicTest.accuracy, before: against?.publicTest.accuracy },
  ];
  const recalls = EMOTIONS.flatMap((emotion): Compared[] => {
    const now = privateTest.recall[emotion];
    if (typeof now !== 'number') return [];
    return [{ name: emotion, now, before: against?.privateTest.recall[emotion] ?? undefined }];
  });
  return { splits, recalls };
}

/** A change in words: "+3.2 points", "−1.0 points, worse". */
function change(now: number, before: number): string {
  const difference = points(now - before);
  return `${difference} points${isWorse(difference) ? ', worse' : ''}`;
}

function isWorse(difference: string): boolean {
  return difference.startsWith('−');
}

function tableOf(
  comparison: string,
  { splits, recalls }: ReturnType<typeof compared>,
  version: VersionId,
  before: VersionId | undefined,
): FigureTable {
  const rows = [...splits, ...recalls.map((recall) => ({ ...recall, name: `PrivateTest, ${recall.name} recognised` }))];
  const caption = comparison.replace(/:$/, '');
  if (before === undefined)
    return { caption, head: ['', `Version ${version}`], rows: rows.map(({ name, now }) => [name, exactPercent(now)]) };
  return {
    caption,
    head: ['', `Version ${version}`, `Version ${before}`, 'Change in points'],
    rows: rows.map(({ name, now, before: then }) => [
      name,
      exactPercent(now),
      then === undefined ? '–' : exactPercent(then),
      then === undefined ? '–' : inCell(points(now - then)),
    ]),
  };
}

function inCell(difference: string): string {
  if (/^.0\.0$/.test(difference)) return 'the same';
  return `${difference} ${isWorse(difference) ? 'worse' : 'better'}`;
}

/** Says that a training ended before its last epoch, and why. */
export function earlyLine(
  card: Pick<VersionCard, 'epochs' | 'bestEpoch'> & { readonly plannedEpochs: number },
): string {
  const since = card.epochs - card.bestEpoch;
  return (
    `Ended early, after ${card.epochs} of ${card.plannedEpochs} epochs: ` +
    `the last ${since === 1 ? 'was' : `${since} were`} no better on PublicTest.`
  );
}

function shareOf(share: number | null | undefined): string {
  return typeof share === 'number' ? exactPercent(share) : 'none there';
}
