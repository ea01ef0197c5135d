import { UserError } from '../../base/errors.ts';
import { exactPercent } from '../../base/numbers.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { type FaceSet, selectFaces } from './face-set.ts';
import type { Fer2013 } from './fer2013.ts';
import { VOTES_FILE } from './fer2013-files.ts';
import { SPLITS } from './fer2013-row.ts';
import { findVotes, KEPT, readVotes, type Votes } from './votes-file.ts';

/** A set of faces with votes. Labels are the emotion with the most votes. */
interface VotedFaces {
  readonly set: FaceSet;
  /** The targets to learn: set.count * 7 numbers, which sum to 1 for each face. */
  readonly targets: Float32Array;
}

/**
 * How often a random person of the ten who voted on a face agrees with another of them, 0..1: the mean over the faces of
 * sum(n_k (n_k - 1)) / (n (n - 1)), where n_k of n votes are for column k.
 */
export function personAgreement(set: FaceSet, votes: Votes): number {
  let sum = 0;
  for (const row of set.rows.index) {
    const ten = votesOf(votes, row);
    const n = ten.reduce((a, b) => a + b, 0);
    sum += ten.reduce((pairs, votesForOne) => pairs + votesForOne * (votesForOne - 1), 0) / (n * (n - 1));
  }
  return set.count === 0 ? 0 : sum / set.count;
}

/**
 * The mean share of a face's votes that its answer has, 0..1.
 * @param answers one index into EMOTIONS a face
 */
export function agreementWith(set: FaceSet, votes: Votes, answers: ArrayLike<number>): number {
  let sum = 0;
  set.rows.index.forEach((row, k) => {
    const ten = votesOf(votes, row);
    sum += ten[answers[k]!]! / ten.reduce((a, b) => a + b, 0);
  });
  return set.count === 0 ? 0 : sum / set.count;
}

/** Where the votes on a data set are: in `file` if it is given, otherwise beside the chunks. */
interface VotesPlace {
  readonly directory: string;
  readonly file?: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * The votes on a data set, read and checked; undefined where no file is given and none is beside the chunks.
 * @throws UserError 'bad-data' where they are not those of this data set
 */
export async function votesIfAny(
  data: Pick<Fer2013, 'sets' | 'missingChunks' | 'rows'>,
  { directory, file, signal }: VotesPlace,
): Promise<Votes | undefined> {
  const path = file ?? (await findVotes(directory));
  if (path === undefined) return undefined;
  const votes = await readVotes(path, signal);
  checkVotes(votes, data);
  return votes;
}

/**
 * The votes on a data set, read and checked.
 * @throws UserError 'no-data' where there are none, 'bad-data' where they are not those of this data set
 */
export async function votesFor(
  data: Pick<Fer2013, 'sets' | 'missingChunks' | 'rows'>,
  place: VotesPlace,
): Promise<Votes> {
  const votes = await votesIfAny(data, place);
  if (votes !== undefined) return votes;
  throw new UserError(
    'no-data',
    `There is no ${VOTES_FILE} in ${place.directory}: put it there, or name it with --votes FILE.`,
  );
}

/**
 * Checks that votes belong to a data set: as many rows, of the same splits, and in the same order as far as the labels tell.
 * @throws UserError 'bad-data' where they do not
 */
export function checkVotes(votes: Votes, data: Pick<Fer2013, 'sets' | 'missingChunks' | 'rows'>): void {
  if (data.missingChunks.length > 0)
    throw new UserError(
      'bad-data',
      `Votes are matched by row, so ${votes.file} needs the whole data set: ${data.missingChunks.join(', ')} missing.`,
    );
  if (votes.count !== data.rows)
    throw new UserError('bad-data', `${votes.file} has ${votes.count} rows of votes for ${data.rows} rows of faces.`);
  for (const [k, split] of SPLITS.entries()) {
    const wrong = data.sets[split].rows.index.find((row) => votes.split[row] !== k);
    if (wrong !== undefined)
      throw new UserError(
        'bad-data',
        `${votes.file} says that row ${wrong + 1} is of ${SPLITS[votes.split[wrong]!]}, the data that it is of ${split}.`,
      );
  }
  checkOrder(votes, data);
}

/** So many rows on which people agree tell whether votes and faces are in one order; at least this share of them has its label then. */
const ENOUGH_ROWS = 1000;
const LEAST_LIKE_LABEL = 0.4;

/** @throws UserError 'bad-data' where the votes fit the labels as little as those of other faces would: a fifth of FER2013's rows */
function checkOrder(votes: Votes, { sets }: Pick<Fer2013, 'sets'>): void {
  let [agreed, like] = [0, 0];
  for (const { rows, labels } of Object.values(sets))
    rows.index.forEach((row, k) => {
      const verdict = verdictOf(votes, row);
      if (typeof verdict !== 'number') return;
      agreed++;
      if (verdict === labels[k]) like++;
    });
  if (agreed < ENOUGH_ROWS || like >= LEAST_LIKE_LABEL * agreed) return;
  throw new UserError(
    'bad-data',
    `The rows of ${votes.file} are not in the order of the faces: ` +
      `their labels are what people voted for on ${exactPercent(like / agreed)} of them only.`,
  );
}

/** All ten numbers of votes of one row of the data set: the seven emotions in the order of EMOTIONS, then the others. */
export function votesOf(votes: Votes, row: number): Uint8Array {
  return votes.counts.subarray(row * KEPT.length, (row + 1) * KEPT.length);
}

/** The emotions with the most votes of a row (several in a tie), and whether another choice has as many or more. */
function winnersOf(
  votes: Votes,
  row: number,
): { readonly winners: readonly number[]; readonly most: number; readonly other: number } {
  const ten = votesOf(votes, row);
  const seven = ten.subarray(0, EMOTIONS.length);
  const most = Math.max(...seven);
  const winners = EMOTIONS.map((_, k) => k).filter((k) => seven[k] === most);
  return { winners, most, other: Math.max(...ten.subarray(EMOTIONS.length)) };
}

/** Why a row of votes does not count: its emotions are tied, or another choice has as many votes as any of the seven. */
export type LeftOut = 'tied' | 'contempt' | 'unknown' | 'not a face';

/** The choices that are none of the seven emotions, in the order of the last columns. */
const OTHERS = ['contempt', 'unknown', 'not a face'] as const satisfies readonly LeftOut[];

/**
 * The emotion (an index into EMOTIONS) of a row on which it has more votes than each of the other nine columns; otherwise the
 * reason why the row does not count.
 */
export function verdictOf(votes: Votes, row: number): number | LeftOut {
  const { winners, most, other } = winnersOf(votes, row);
  if (most <= other) return OTHERS[votesOf(votes, row).subarray(EMOTIONS.length).indexOf(other)]!;
  return winners.length > 1 ? 'tied' : winners[0]!;
}

/**
 * The faces for evaluation: those on which one emotion has more votes than each of the other nine columns. Their labels are
 * that emotion.
 */
export function agreedFaces(set: FaceSet, votes: Votes): FaceSet {
  const kept: number[] = [];
  const labels: number[] = [];
  for (let k = 0; k < set.count; k++) {
    const verdict = verdictOf(votes, set.rows.index[k]!);
    if (typeof verdict !== 'number') continue;
    kept.push(k);
    labels.push(verdict);
  }
  return relabelled(set, kept, labels);
}

/** Whether a row is used for training: none of the other three columns has more votes than every one of the seven. */
export function canBeLearned(votes: Votes, row: number): boolean {
  const { most, other } = winnersOf(votes, row);
  return most >= other;
}

/**
 * The faces for training, with their targets: the distribution of the votes over the seven emotions, mixed with FER2013's own
 * label. Rows on which contempt, 'unknown' or 'not a face' has more votes than every one of the seven are left out.
 * @param labelWeight share of FER2013's label, 0..1: 0 for the votes alone
 */
export function votedFaces(set: FaceSet, votes: Votes, labelWeight: number): VotedFaces {
  const kept: number[] = [];
  const labels: number[] = [];
  const targets: number[] = [];
  for (let k = 0; k < set.count; k++) {
    const row = set.rows.index[k]!;
    if (!canBeLearned(votes, row)) continue;
    const { winners } = winnersOf(votes, row);
    const own = set.labels[k]!;
    const seven = votesOf(votes, row).subarray(0, EMOTIONS.length);
    const sum = seven.reduce((a, b) => a + b, 0);
    kept.push(k);
    labels.push(winners.includes(own) ? own : winners[0]!);
    for (let c = 0; c < EMOTIONS.length; c++)
      targets.push(((1 - labelWeight) * seven[c]!) / sum + (c === own ? labelWeight : 0));
  }
  return { set: relabelled(set, kept, labels), targets: Float32Array.from(targets) };
}

/** The sets that a network is trained and validated on. */
export interface LearningSets {
  readonly training: FaceSet;
  /** training.count * 7 targets; absent where each label is its face's target. */
  readonly targets?: Float32Array | undefined;
  readonly validation: FaceSet;
}

/**
 * The faces of a data set with the labels that a plan requires: FER2013's own, or votes. By votes, validation takes the faces of
 * PublicTest on which people agree.
 * @throws UserError 'no-data' where votes are asked for and there are none
 */
export function learningSets(
  { labels, labelWeight }: { readonly labels: 'votes' | 'fer2013' | 'both'; readonly labelWeight: number },
  { Training: training, PublicTest: validation }: Fer2013['sets'],
  votes: Votes | undefined,
): LearningSets {
  if (labels === 'fer2013') return { training, validation };
  if (votes === undefined) throw new UserError('no-data', `Learning from votes needs ${VOTES_FILE} beside the data.`);
  const voted = votedFaces(training, votes, labels === 'both' ? labelWeight : 0);
  return { training: voted.set, targets: voted.targets, validation: agreedFaces(validation, votes) };
}

function relabelled(set: FaceSet, kept: readonly number[], labels: readonly number[]): FaceSet {
  const chosen = selectFaces(set, kept);
  chosen.labels.set(labels);
  return chosen;
}
