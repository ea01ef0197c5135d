import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { architectureOf } from '../emotion/architectures.ts';
import { loadClassifier } from '../emotion/classifier.ts';
import { createEngine } from '../emotion/engines/create-engine.ts';
import type { EngineChoice } from '../emotion/engines/engine.ts';
import { unroll } from '../emotion/network.ts';
import { judgeByVotes, judgeReadings, readAll } from '../evaluation/evaluate.ts';
import type { FaceSet } from '../training/data/face-set.ts';
import type { Fer2013 } from '../training/data/fer2013.ts';
import { learningSets } from '../training/data/votes.ts';
import type { Votes } from '../training/data/votes-file.ts';
import { commandOf, trainingPlan } from '../training/run/plan.ts';
import { train } from '../training/run/trainer.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import { isFromVotes, judgeNetwork, readRun, reportOf, storeNetwork } from '../versions/ship.ts';
import { writeReport } from '../versions/training-report.ts';
import { figuresOf, type NewVersion, type VersionCard } from '../versions/version-card.ts';
import { readCheckedData } from './data.ts';
import type { Job, JobStatus } from './files.ts';
import { isBetter } from './is-better.ts';

/** Parameters of `retrain`. */
interface RetrainingWork {
  readonly job: Job;
  /** Folder of the data. */
  readonly data: string;
  /** Folder of the checkpoints. A run found there is continued. */
  readonly run: string;
  readonly registry: VersionRegistry;
  readonly engine: EngineChoice;
  readonly threads?: number;
  /** Most bytes of memory that the whole process may take. */
  readonly memoryBytes: number;
  /** How many trained versions are kept. */
  readonly keepVersions: number;
  /** Stops after a checkpoint. */
  readonly signal: AbortSignal;
  /** Called with each change of the status. */
  readonly onChange: (change: Partial<JobStatus>) => void;
}

/**
 * Trains a network from the data and stores it as a version. After a crash it does only what is left: a step that is done is
 * not done again.
 * @returns undefined where the signal stopped it
 * @throws UserError about mistakes that an admin can put right
 */
export async function retrain(work: RetrainingWork): Promise<JobStatus['result'] | undefined> {
  const { job, registry, signal, onChange } = work;
  const stored = (await registry.list()).find((card) => card.job === job.id);
  if (stored) return await putInUse(work, stored);
  onChange({ phase: 'checking' });
  const { sets, votes, findings } = await readCheckedData(work.data, { clean: job.clean, signal });
  onChange({ findings: [...findings], phase: 'training' });
  const plan = trainingPlan(job.plan);
  const architecture = architectureOf(plan.architecture);
  const engine = await createEngine(work.engine, work.threads === undefined ? {} : { threads: work.threads });
  const tooMuch = new AbortController();
  const { ended } = await train({
    engine,
    network: unroll(architecture),
    plan,
    ...learningSets(plan, sets, votes),
    directory: work.run,
    start: 'resume',
    signal: AbortSignal.any([signal, tooMuch.signal]),
    onProgress: (progress) => {
      onChange({ progress: { ...progress, history: [...progress.history] } });
      if (process.memoryUsage.rss() > work.memoryBytes) tooMuch.abort();
    },
  }).catch((error: unknown) => {
    throw rewordForAdmins(error);
  });
  if (ended === 'stopped') {
    if (!tooMuch.signal.aborted) return undefined;
    throw new UserError(
      'too-large',
      `The training took more than ${Math.round(work.memoryBytes / 2 ** 20)} MB of memory and was stopped. Try a smaller batch.`,
    );
  }
  onChange({ phase: 'judging' });
  const { trained, figures } = await judgeNetwork(await readRun(work.run), sets, engine, votes);
  if (signal.aborted) return undefined;
  const { measure, against, incomparable } = await judgeInUse(work, sets, votes, engine);
  if (signal.aborted) return undefined;
  const judged = (measure === 'votes' && figures.votes) || figures;
  const card: NewVersion = {
    job: job.id,
    architecture: architecture.name,
    command: commandOf(plan),
    epochs: trained.history.length,
    plannedEpochs: plan.epochs,
    bestEpoch: trained.epoch,
    publicTest: figuresOf(judged.publicTest),
    privateTest: figuresOf(judged.privateTest),
    ...(against && { against }),
    ...(measure && { measure }),
    ...(incomparable && { incomparable }),
  };
  const version = await registry.store(card, async (directory) => {
    await storeNetwork(directory, trained, figures);
    await writeReport(join(directory, 'reports'), reportOf(trained, figures));
  });
  return await putInUse(work, (await registry.list()).find((one) => one.version === version)!);
}

/** Rewords the trainer's error about changed data: it names folders, which people in a chat do not see. */
function rewordForAdmins(error: unknown): unknown {
  if (!(error instanceof UserError) || error.code !== 'bad-data') return error;
  return new UserError(
    'bad-data',
    'The data is not what this training began with. Put that back and type /retrain resume, or start a new one with /retrain start.',
    { cause: error },
  );
}

/**
 * Measures the network in use on the same pictures, by the kind of labels that it learned from, since its users expect that.
 * Where it cannot be loaded, `against` is absent, and the new network counts as better.
 */
async function judgeInUse(
  { registry }: RetrainingWork,
  sets: Fer2013['sets'],
  votes: Votes | undefined,
  engine: Awaited<ReturnType<typeof createEngine>>,
): Promise<Pick<NewVersion, 'against' | 'measure' | 'incomparable'>> {
  const { version } = await registry.inUse();
  const directory = registry.directoryOf(version);
  try {
    const byVotes = await isFromVotes(directory);
    if (byVotes && !votes) return { incomparable: true };
    const classifier = await loadClassifier(directory, { engine });
    try {
      const figures = async (set: FaceSet) => {
        const readings = await readAll(classifier, set);
        return figuresOf(byVotes ? judgeByVotes(readings, set, votes!) : judgeReadings(readings, set));
      };
      const against = {
        version,
        publicTest: await figures(sets.PublicTest),
        privateTest: await figures(sets.PrivateTest),
      };
      return { against, ...(byVotes && { measure: 'votes' as const }) };
    } finally {
      await classifier.dispose();
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'bad-model') return {};
    throw error;
  }
}

async function putInUse(
  { job, registry, keepVersions, signal }: RetrainingWork,
  card: VersionCard,
): Promise<JobStatus['result'] | undefined> {
  const { version, against } = card;
  // It may have been cancelled while it waited for another process that changes the versions.
  if (signal.aborted && (await registry.inUse()).version !== version) return undefined;
  // An earlier run may have put it in use and crashed before it reported so.
  const promoted = isBetter(card, job.margin) && (await registry.replace(against?.version, version));
  await registry.prune(keepVersions).catch((error: unknown) => {
    // The next training tries again. This one is done.
    process.stderr.write(`Older versions cannot be cleared away: ${error}\n`);
  });
  return { version, promoted };
}
