import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { entriesOf, makeFolder, readIfThere, writeDurably } from '../base/files.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import { type Metrics, measureConfusion } from '../training/run/metrics.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(0);
const classes = EMOTIONS.length;

const schema = z
  .object({
    /** Name of the architecture, which also names the files. */
    architecture: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'must be a name of letters, digits, dots and dashes'),
    /** Trained numbers in the network. */
    parameters: count,
    /** The command that trained it, and trains it again. */
    command: z.string().min(1),
    /** The commands that made the weights it started from, the oldest first; absent for random weights. */
    origin: z.array(z.string().min(1)).min(1).optional(),
    seed: count,
    /** The labels that it learned from and is measured by, if not FER2013's own. */
    labels: z.enum(['votes', 'both']).optional(),
    /** One entry an epoch; losses in nats, accuracies 0..1; val is PublicTest. */
    epochs: z
      .array(z.object({ loss: z.number(), accuracy: share, valLoss: z.number(), valAccuracy: share }))
      .min(1, 'must hold at least one epoch'),
    privateTest: z.object({
      images: count,
      accuracy: share,
      /** Counts: rows true, columns predicted, in label order. */
      confusion: z.array(z.array(count).length(classes)).length(classes),
    }),
  })
  .superRefine(({ privateTest }, context) => {
    const { images, accuracy } = measureConfusion(privateTest.confusion);
    const differs = images !== privateTest.images || Math.abs(accuracy - privateTest.accuracy) > 1e-9;
    if (differs) {
      context.addIssue({ code: 'custom', path: ['privateTest'], message: 'does not agree with its confusion matrix' });
    }
  });

/** The report of one training, kept in `model/reports/<architecture>.json`. */
export type TrainingReport = z.infer<typeof schema>;

/** Makes a report of a training's data and its metrics on PrivateTest. @throws UserError 'bad-data' */
export function buildReport(
  training: Omit<TrainingReport, 'privateTest'>,
  { images, accuracy, confusion }: Pick<Metrics, 'images' | 'accuracy' | 'confusion'>,
): TrainingReport {
  return checked({ ...training, privateTest: { images, accuracy, confusion } }, 'The training report');
}

/** Paths of the files that `writeReport` makes. */
interface ReportFiles {
  readonly json: string;
  readonly curves: string;
  readonly confusion: string;
}

/** Paths of an architecture's report in a folder (usually model/reports). */
export function reportFiles(directory: string, architecture: string): ReportFiles {
  return {
    json: join(directory, `${architecture}.json`),
    curves: join(directory, `${architecture}-curves.png`),
    confusion: join(directory, `${architecture}-confusion.png`),
  };
}

/**
 * Writes a report as JSON, and its learning curves and confusion matrix as PNG. Each file is replaced whole or not at all. The
 * JSON is written last, so that its pictures are there when it is.
 * @throws UserError 'bad-data' if the report is not valid (a training that diverged has no finite loss); nothing is written
 */
export async function writeReport(directory: string, report: TrainingReport): Promise<ReportFiles> {
  const valid = checked(report, 'The training report');
  const files = reportFiles(directory, valid.architecture);
  // Loaded only here: the bot needs this file for the paths of reports, and draws no chart.
  const { confusionMatrix, learningCurves } = await import('../training/pictures/charts.ts');
  const [curves, confusion] = await Promise.all([
    learningCurves(valid.epochs, valid.architecture),
    confusionMatrix(valid.privateTest.confusion, `${valid.architecture} on PrivateTest`),
  ]);
  await makeFolder(directory);
  await writeDurably(files.curves, curves);
  await writeDurably(files.confusion, confusion);
  await writeDurably(files.json, `${JSON.stringify(valid, undefined, 2)}\n`);
  return files;
}

/**
 * Reads a report back.
 * @throws UserError 'not-found' if there is none; 'bad-data' if it is not one
 */
export async function readReport(path: string): Promise<TrainingReport> {
  const text = await readIfThere(path);
  if (text === undefined) throw new UserError('not-found', `There is no training report ${path}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError('bad-data', `${path} is not JSON.`, { cause: error });
  }
  return checked(value, path);
}

/** The reports that lie in a folder, by name; none where there is no folder. @throws UserError 'bad-data' */
export async function readReports(directory: string): Promise<TrainingReport[]> {
  const names = (await entriesOf(directory)).filter((name) => name.endsWith('.json')).sort();
  return await Promise.all(names.map((name) => readReport(join(directory, name))));
}

function checked(value: unknown, name: string): TrainingReport {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError('bad-data', `${name} is not valid: ${z.prettifyError(result.error)}`);
}
