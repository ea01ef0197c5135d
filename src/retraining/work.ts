import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { ARCHITECTURES } from '../emotion/architectures.ts';
import { createEngine } from '../emotion/engines/create-engine.ts';
import type { EngineChoice } from '../emotion/engines/engine.ts';
import { loadClassifier } from '../emotion/load-classifier.ts';
import { unroll } from '../emotion/network.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import type { Fer2013 } from '../training/data/fer2013.ts';
import { commandOf, trainingPlan } from '../training/run/plan.ts';
import { train } from '../training/run/trainer.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import { judgeNetwork, readRun, reportOf, storeNetwork } from '../versions/ship.ts';
import { writeReport } from '../versions/training-report.ts';
import { figuresOf, type NewVersion, type VersionCard } from '../versions/version-card.ts';
import { readCheckedData } from './data.ts';
import type { Job, JobStatus } from './files.ts';

/** What the training of a job works with. */
export interface RetrainingWork {
  readonly job: Job;
  /** Folder of the data. */
  readonly data: string;
  /** Folder of the checkpoints; a run that is there is gone on with. */
  readonly run: string;
  readonly registry: VersionRegistry;
  readonly engine: EngineChoice;
  readonly threads?: number;
  /** Most bytes that the process may take, code and everything. */
  readonly memoryBytes: number;
  /** Trained versions that are kept. */
  readonly keepVersions: number;
  /** Stops after a checkpoint. */
  readonly signal: AbortSignal;
  /** Is told what changed. */
  readonly onChange: (change: Partial<JobStatus>) => void;
}

/** Half the size; the figures are measured after the rounding. */
const STORED_AS = 'float16';

/**
 * A training from the data to a version, the whole of it or what a crash has left to do: every step is found done or done
 * again.
 * @returns undefined where the signal stopped it
 * @throws UserError for what an admin can put right
 */
export async function retrain(work: RetrainingWork): Promise<JobStatus['result'] | undefined> {
  const { job, registry, signal, onChange } = work;
  const stored = (await registry.list()).find((card) => card.job === job.id);
  if (stored) return await putInUse(work, stored);
  onChange({ phase: 'checking' });
  const { sets, findings } = await readCheckedData(work.data, { clean: job.clean, signal });
  onChange({ findings: [...findings], phase: 'training' });
  const plan = trainingPlan(job.plan);
  const architecture = ARCHITECTURES.get(plan.architecture);
  if (!architecture) throw new UserError('bad-usage', `There is no architecture called ${plan.architecture}.`);
  const engine = await createEngine(work.engine, work.threads === undefined ? {} : { threads: work.threads });
  const tooMuch = new AbortController();
  const { ended } = await train({
    engine,
    network: unroll(architecture),
    plan,
    training: sets.Training,
    validation: sets.PublicTest,
    directory: work.run,
    start: 'resume',
    signal: AbortSignal.any([signal, tooMuch.signal]),
    onProgress: (progress) => {
      onChange({ progress: { ...progress, history: [...progress.history] } });
      if (process.memoryUsage.rss() > work.memoryBytes) tooMuch.abort();
    },
  }).catch((error: unknown) => {
    throw inAdminsWords(error);
  });
  if (ended === 'stopped') {
    if (!tooMuch.signal.aborted) return undefined;
    throw new UserError(
      'too-large',
      `The training took more than ${Math.round(work.memoryBytes / 2 ** 20)} MB of memory and was stopped. Try a smaller batch.`,
    );
  }
  onChange({ phase: 'judging' });
  const { trained, figures } = await judgeNetwork(await readRun(work.run), sets, engine, STORED_AS);
  if (signal.aborted) return undefined;
  const against = await judgeInUse(work, sets, engine);
  if (signal.aborted) return undefined;
  const card: NewVersion = {
    job: job.id,
    architecture: architecture.name,
    command: commandOf(plan),
    epochs: trained.history.length,
    plannedEpochs: plan.epochs,
    bestEpoch: trained.epoch,
    publicTest: figuresOf(figures.publicTest),
    privateTest: figuresOf(figures.privateTest),
    ...(against && { against }),
  };
  const version = await registry.store(card, async (directory) => {
    await storeNetwork(directory, trained, figures, STORED_AS);
    await mkdir(join(directory, 'reports'));
    await writeReport(join(directory, 'reports'), reportOf(trained, figures));
  });
  return await putInUse(work, (await registry.list()).find((one) => one.version === version)!);
}

/** The trainer speaks of folders, which nobody in a chat sees. */
function inAdminsWords(error: unknown): unknown {
  if (!(error instanceof UserError) || error.code !== 'bad-data') return error;
  return new UserError(
    'bad-data',
    'The data is not what this training began with. Put that back and type /retrain resume, or begin anew with /retrain start.',
    { cause: error },
  );
}

/** The network in use on the same pictures; undefined where it cannot be loaded, which any network is better than. */
async function judgeInUse(
  { registry }: RetrainingWork,
  sets: Fer2013['sets'],
  engine: Awaited<ReturnType<typeof createEngine>>,
): Promise<NewVersion['against']> {
  const { version } = await registry.inUse();
  try {
    const classifier = await loadClassifier(registry.directoryOf(version), { engine });
    try {
      const publicTest = figuresOf(await evaluate(classifier, sets.PublicTest));
      const privateTest = figuresOf(await evaluate(classifier, sets.PrivateTest));
      return { version, publicTest, privateTest };
    } finally {
      await classifier.dispose();
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'bad-model') return undefined;
    throw error;
  }
}

async function putInUse(
  { job, registry, keepVersions }: RetrainingWork,
  card: VersionCard,
): Promise<JobStatus['result']> {
  const { version, against, publicTest } = card;
  const gain = against === undefined ? 1 : publicTest.accuracy - against.publicTest.accuracy;
  const better = gain > 0 && gain >= job.margin;
  // A crash may have come between this and saying so.
  if (better && (await registry.inUse()).version !== version) await registry.promote(version);
  await registry.prune(keepVersions);
  return { version, promoted: better };
}
