import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { type Calibration, SOFTNESS } from '../emotion/calibration.ts';
import { loadClassifier } from '../emotion/classifier.ts';
import type { Engine } from '../emotion/engines/engine.ts';
import { loadModel, saveModel } from '../emotion/layers-format/layers-format.ts';
import type { Network, Weights } from '../emotion/network.ts';
import { readOnce } from '../emotion/views.ts';
import { fitCalibration, LABELS_GOAL, VOTES_GOAL } from '../evaluation/calibrate.ts';
import { type Evaluation, judgeByVotes, judgeReadings, readAll, type VotesEvaluation } from '../evaluation/evaluate.ts';
import { trainingDuplicates } from '../training/data/duplicates.ts';
import { type FaceSet, indexesWhere, selectFaces, withoutBlack } from '../training/data/face-set.ts';
import type { Fer2013 } from '../training/data/fer2013.ts';
import { agreedFaces, type LearningSets, learningSets } from '../training/data/votes.ts';
import type { Votes } from '../training/data/votes-file.ts';
import { loadCheckpoint, type RunProgress } from '../training/run/checkpoint.ts';
import { commandOf, type TrainingPlan, trainingPlan } from '../training/run/plan.ts';
import { BEST } from '../training/run/trainer.ts';
import { biasOfLogits, correctPriors, fitPriorCorrection, sharesOf, withLessNeutral } from './prior-correction.ts';
import { describeNetwork } from './shipped.ts';
import { buildReport, type TrainingReport } from './training-report.ts';

/** How weights are stored: at half the size of float32. Figures are measured after the rounding. */
const STORED_AS = 'float16';

/** Accuracy that a network may lose for a larger macro recall. */
const MOST_LOST = 0.003;

/** The best network of a training run, and how it came to be. */
export interface TrainedNetwork {
  readonly network: Network;
  readonly weights: Weights;
  readonly plan: TrainingPlan;
  readonly history: RunProgress['history'];
  /** The epoch, from 1, whose weights these are. */
  readonly epoch: number;
  /** How strongly the weights are corrected for rare emotions, 0..1; see `fitPriorCorrection`. */
  readonly priorCorrection?: number | undefined;
  /** The amount subtracted from the logit of 'neutral'; see `withLessNeutral`. */
  readonly lessNeutral?: number | undefined;
  /** The commands that made the weights which the run started from, the oldest first; none for random ones. */
  readonly origin?: readonly string[] | undefined;
}

/** A trained network's figures, all measured with the stored weights, in the way that the bot reads faces. */
export interface ShippedFigures {
  readonly calibration: Calibration;
  /** By FER2013's own labels. */
  readonly publicTest: Evaluation;
  readonly privateTest: Evaluation;
  /** By votes, where they were available. */
  readonly votes?: { readonly publicTest: VotesEvaluation; readonly privateTest: VotesEvaluation } | undefined;
}

/**
 * Reads a run's best network.
 * @throws UserError 'not-found' where the folder holds no run with a finished epoch
 */
export async function readRun(directory: string): Promise<TrainedNetwork> {
  const checkpoint = await loadCheckpoint(directory);
  if (!checkpoint || checkpoint.progress.bestEpoch < 0)
    throw new UserError('not-found', `${directory} holds no training run of which an epoch is done.`);
  const { network, weights, metadata } = await loadModel(join(directory, BEST));
  const { plan, history, origin } = checkpoint.progress;
  return { network, weights, plan: trainingPlan(JSON.parse(plan)), history, epoch: Number(metadata.epoch), origin };
}

/**
 * Corrects a network for emotions that are rare in its training data.
 * @param set faces on which the strength of the correction is chosen
 */
async function correctRareEmotions(
  trained: TrainedNetwork,
  set: FaceSet,
  learned: LearningSets,
  engine: Engine,
): Promise<TrainedNetwork> {
  const { network, weights } = trained;
  if (biasOfLogits(network) === undefined) return trained;
  const shares = sharesOf(learned);
  const probabilities = await readOnce(engine, network, weights, set.pixels, softnessFor(trained));
  const strength = fitPriorCorrection(probabilities, set.labels, shares, MOST_LOST);
  return { ...trained, weights: correctPriors(network, weights, shares, strength), priorCorrection: strength };
}

/** Whether the network in a directory learned from votes, according to its file. @throws UserError 'bad-model' */
export async function isFromVotes(directory: string): Promise<boolean> {
  const { labels = 'fer2013' } = (await describeNetwork(directory)).trained ?? {};
  return labels !== 'fer2013';
}

/** Whether a network learned from votes. If so, it is fitted and compared by votes. */
function learnsFromVotes({ plan }: Pick<TrainedNetwork, 'plan'>): boolean {
  return plan.labels !== 'fer2013';
}

/** How much a network's crops are softened: as its augmented faces were. */
function softnessFor({ plan }: Pick<TrainedNetwork, 'plan'>): number {
  return plan.augmentation === 'none' ? 0 : SOFTNESS;
}

/**
 * Corrects a network for rare emotions, calibrates it and measures it. Both are fitted on PublicTest, without the rows that equal
 * a Training row, by the kind of labels that the network learned from.
 * @param votes required for a network that learned from votes
 * @param lessNeutral also subtracted from the logit of 'neutral'
 * @returns the network with its correction, and its figures
 * @throws UserError 'no-data' where votes are needed and missing; the signal's reason when it was aborted
 */
export async function judgeNetwork(
  run: TrainedNetwork,
  sets: Fer2013['sets'],
  engine: Engine,
  votes?: Votes,
  lessNeutral = 0,
  signal?: AbortSignal,
): Promise<{ readonly trained: TrainedNetwork; readonly figures: ShippedFigures }> {
  const byVotes = learnsFromVotes(run);
  if (byVotes && !votes)
    throw new UserError('no-data', `This network learned from votes: it needs them to be judged by.`);
  const unseen = unseenFaces(sets);
  const set = byVotes ? agreedFaces(unseen, votes!) : unseen;
  const corrected = await correctRareEmotions(run, set, learningSets(run.plan, sets, votes), engine);
  const { network } = corrected;
  const weights = withLessNeutral(network, corrected.weights, lessNeutral);
  const trained = { ...corrected, weights, ...(lessNeutral > 0 && { lessNeutral }) };
  const aside = await mkdtemp(join(tmpdir(), 'emotion-model-'));
  const store = (metadata: Readonly<Record<string, unknown>>) =>
    saveModel(aside, { network, weights, metadata, quantization: STORED_AS });
  try {
    await store({});
    const stored = await loadModel(aside);
    const softness = softnessFor(trained);
    const probabilities = await readOnce(engine, network, stored.weights, set.pixels, softness);
    const fitted = fitCalibration(probabilities, set.labels, byVotes ? VOTES_GOAL : LABELS_GOAL);
    const calibration = { ...fitted, softness };
    await store({ calibration });
    const classifier = await loadClassifier(aside, { engine });
    const readings = {
      publicTest: await readAll(classifier, sets.PublicTest, signal),
      privateTest: await readAll(classifier, sets.PrivateTest, signal),
    };
    await classifier.dispose();
    const figures: ShippedFigures = {
      calibration,
      publicTest: judgeReadings(readings.publicTest, sets.PublicTest, sets.Training),
      privateTest: judgeReadings(readings.privateTest, sets.PrivateTest, sets.Training),
      votes: votes && {
        publicTest: judgeByVotes(readings.publicTest, sets.PublicTest, votes),
        privateTest: judgeByVotes(readings.privateTest, sets.PrivateTest, votes),
      },
    };
    return { trained, figures };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Writes a network into a directory with its calibration, its origin and its figures. After a crash the old one is still there. */
export async function storeNetwork(directory: string, trained: TrainedNetwork, figures: ShippedFigures): Promise<void> {
  const { network, weights, plan, history, epoch, priorCorrection, lessNeutral, origin: earlier } = trained;
  const { calibration, ...measured } = figures;
  const command = commandOf(plan);
  const origin = {
    command,
    seed: plan.seed,
    labels: plan.labels,
    epochs: history.length,
    epoch,
    priorCorrection,
    ...(lessNeutral !== undefined && { lessNeutral }),
    ...(earlier && { origin: earlier }),
  };
  const metadata = { calibration, parameters: network.parameters, trained: origin, figures: measured };
  await saveModel(directory, { network, weights, metadata, quantization: STORED_AS });
}

/** The report of a training for `writeReport`, measured by the kind of labels that the network learned from. */
export function reportOf(trained: TrainedNetwork, { privateTest, votes }: ShippedFigures): TrainingReport {
  const { network, plan, history, origin } = trained;
  return buildReport(
    {
      architecture: network.architecture.name,
      parameters: network.parameters,
      command: commandOf(plan),
      ...(origin && { origin: [...origin] }),
      seed: plan.seed,
      epochs: history.map(({ loss, accuracy, valLoss, valAccuracy }) => ({ loss, accuracy, valLoss, valAccuracy })),
      ...(plan.labels !== 'fer2013' && { labels: plan.labels }),
    },
    (learnsFromVotes(trained) && votes?.privateTest) || privateTest,
  );
}

/**
 * PublicTest accuracy of the network in a directory, by votes where they are given, otherwise by FER2013's labels; undefined
 * where there is no network.
 */
export async function publicTestAccuracy(
  directory: string,
  engine: Engine,
  set: FaceSet,
  votes?: Votes,
  signal?: AbortSignal,
): Promise<number | undefined> {
  try {
    const classifier = await loadClassifier(directory, { engine });
    const readings = await readAll(classifier, set, signal);
    await classifier.dispose();
    return (votes ? judgeByVotes(readings, set, votes) : judgeReadings(readings, set)).accuracy;
  } catch (error) {
    if (error instanceof UserError && error.code === 'bad-model') return undefined;
    throw error;
  }
}

/** PublicTest without the rows that equal a Training row and without black images: corrections and calibration are fitted on it. */
function unseenFaces(sets: Fer2013['sets']): FaceSet {
  const seen = new Set(trainingDuplicates(sets.PublicTest, sets.Training));
  const unseen = indexesWhere(sets.PublicTest, (index) => !seen.has(index));
  return withoutBlack(selectFaces(sets.PublicTest, unseen));
}
