import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { fileTrouble, reasonOf, statIfThere } from '../base/files.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import { checkDataset, type DatasetReport } from '../training/data/dataset-check.ts';
import { trainingDuplicates } from '../training/data/duplicates.ts';
import { type FaceSet, indexesWhere, selectFaces } from '../training/data/face-set.ts';
import { type Fer2013, readFer2013, SPLITS } from '../training/data/fer2013.ts';
import { CHUNKS } from '../training/data/fer2013-files.ts';
import { canBeLearned, verdictOf, votesIfAny } from '../training/data/votes.ts';
import { findVotes, type Votes } from '../training/data/votes-file.ts';
import { trainingPlan } from '../training/run/plan.ts';
import type { Job, RetrainingRequest } from './files.ts';

/** Data that a network can be trained on, and what was found in it. */
interface CheckedData {
  readonly sets: Fer2013['sets'];
  /** Votes, where their file is in the same folder as the chunks. */
  readonly votes: Votes | undefined;
  /** A sentence each. */
  readonly findings: readonly string[];
}

/**
 * Reads and checks a folder of FER2013 before anything is trained on it.
 * @param options.clean whether to leave out rows of Training that equal a row of PublicTest or PrivateTest
 * @throws UserError that says what is wrong: a chunk is missing, damaged or there twice; a split or an emotion has no picture
 */
export async function readCheckedData(
  directory: string,
  options: { readonly clean: boolean; readonly signal: AbortSignal },
): Promise<CheckedData> {
  const data = await readFer2013(directory, { signal: options.signal });
  if (data.missingChunks.length > 0) throw notWhole(data);
  const report = checkDataset(data);
  for (const split of SPLITS) {
    const { images, emotions } = report.splits[split];
    if (images === 0)
      throw new UserError('bad-data', `The data has no picture of ${split}: all three splits are needed.`);
    const lacking = EMOTIONS.filter((emotion) => emotions[emotion] === 0);
    if (lacking.length > 0)
      throw new UserError('bad-data', `${split} has no picture of ${lacking.join(', ')}: every emotion is needed.`);
  }
  const votes = await votesIfAny(data, { directory, signal: options.signal });
  const overlap = report.inTraining.PublicTest + report.inTraining.PrivateTest;
  const training = options.clean ? withoutTestRows(data.sets) : data.sets.Training;
  const left = data.sets.Training.count - training.count;
  if (training.count === 0) throw new UserError('bad-data', 'Without the rows that equal a test row nothing is left.');
  const findings = [
    ...SPLITS.map((split) => {
      const { images, emotions } = report.splits[split];
      const counts = EMOTIONS.map((emotion) => `${emotion} ${emotions[emotion]}`).join(', ');
      return `${split}: ${images} pictures (${counts}).`;
    }),
    whichData(report),
    ...data.warnings,
    ...(report.skipped.length > 0
      ? [`Bad rows: ${report.skipped.length}, left out; the first is ${whereAndWhy(report.skipped[0]!)}.`]
      : []),
    `Duplicates: ${report.duplicates.surplus} rows, ${report.duplicates.conflicting} groups with different labels. ` +
      `Black pictures: ${report.black.length}, left out.`,
    overlap === 0
      ? 'No test row equals a Training row.'
      : `Test rows that equal a Training row: ${report.inTraining.PublicTest} of PublicTest, ` +
        `${report.inTraining.PrivateTest} of PrivateTest; ` +
        (options.clean ? `${left} rows of Training left out for that.` : 'clean:yes leaves them out of training.'),
    ...(votes ? [votesFinding(training, data.sets.PublicTest, votes)] : []),
  ];
  return { sets: { ...data.sets, Training: training }, votes, findings };
}

/**
 * Makes a job from an admin's request.
 * @returns the job, and the folder of its data
 * @throws UserError 'bad-usage' or 'not-found' where the data option names no folder
 */
export async function newJob(
  dataDirectory: string,
  { plan, name: _, ...rest }: RetrainingRequest,
): Promise<{ readonly job: Job; readonly folder: string }> {
  const folder = await dataFolder(dataDirectory, rest);
  const labels = plan.labels ?? ((await inChatWords(() => findVotes(folder))) === undefined ? 'fer2013' : 'votes');
  return {
    job: { ...rest, id: randomBytes(6).toString('hex'), plan: { ...trainingPlan({ ...plan, labels }) } },
    folder,
  };
}

/** The folder that a job's data option names. @throws UserError where that is no folder in DATA_DIR */
export async function dataFolder(dataDirectory: string, { data }: Pick<Job, 'data'>): Promise<string> {
  if (data === undefined) return dataDirectory;
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(data))
    throw new UserError('bad-usage', 'data takes the name of a folder inside DATA_DIR, not a path.');
  const folder = join(dataDirectory, data);
  if ((await inChatWords(() => statIfThere(folder)))?.isDirectory()) return folder;
  const there = await inChatWords(() => readdir(dataDirectory, { withFileTypes: true }));
  const names = there.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  throw new UserError(
    'not-found',
    `There is no folder ‘${data}’ in DATA_DIR${names.length > 0 ? `: there is ${names.slice(0, 20).join(', ')}` : ''}.`,
  );
}

/** Turns a file system's error about DATA_DIR into a UserError that does not name the folder's path. */
export async function inChatWords<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (fileTrouble(error) === undefined) throw error;
    throw new UserError('no-data', `DATA_DIR cannot be read: ${reasonOf(error)}.`, { cause: error });
  }
}

/** The error for data without some of its chunks. It names what lies in their place. */
function notWhole({ missingChunks: missing, warnings }: Fer2013): UserError {
  const [are, them] = missing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  const instead = warnings.filter((sentence) => missing.some((chunk) => sentence.startsWith(`${chunk}.`)));
  return new UserError(
    'bad-data',
    [
      `The data is not whole: of its ${CHUNKS} chunks ${missing.join(', ')} ${are} missing.`,
      ...instead,
      `Put ${them} there and start again.`,
    ].join(' '),
  );
}

function votesFinding(training: FaceSet, publicTest: FaceSet, votes: Votes): string {
  const left = training.rows.index.filter((row) => !canBeLearned(votes, row)).length;
  const agreed = publicTest.rows.index.filter((row) => typeof verdictOf(votes, row) === 'number').length;
  return `Votes: ${left} rows of Training are none of the seven emotions to most people; they agree on ${agreed} of PublicTest.`;
}

/** Says whether it is the published data, and if not, how the counts of pictures differ. */
function whichData({ original, splits }: DatasetReport): string {
  if (original) return 'This is FER2013 as published.';
  const different = SPLITS.filter((split) => splits[split].images !== splits[split].official.images);
  if (different.length === 0) return 'This is not FER2013 as published: pictures or labels are other ones.';
  const counts = different.map(
    (split) => `${split} has ${splits[split].images} pictures instead of ${splits[split].official.images}`,
  );
  return `This is not FER2013 as published: ${counts.join(', ')}.`;
}

function withoutTestRows({ Training, PublicTest, PrivateTest }: Fer2013['sets']): FaceSet {
  const seen = new Set([...trainingDuplicates(Training, PublicTest), ...trainingDuplicates(Training, PrivateTest)]);
  return selectFaces(
    Training,
    indexesWhere(Training, (index) => !seen.has(index)),
  );
}

function whereAndWhy({ file, line, reason }: Fer2013['skipped'][number]): string {
  return `${file}:${line}, ${reason.replace(/\.$/, '')}`;
}
