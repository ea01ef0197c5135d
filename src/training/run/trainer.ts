import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import type { Engine, TrainingSession } from '../../emotion/engines/engine.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { loadModel, saveModel } from '../../emotion/layers-format/layers-format.ts';
import type { Network, Weights } from '../../emotion/network.ts';
import { type FaceSet, indexesWhere, isBlack, selectFaces } from '../data/face-set.ts';
import { createBatchSource } from './batch-source.ts';
import {
  type EpochResult,
  earlierCheckpoint,
  fingerprint,
  freshProgress,
  planKey,
  type RunProgress,
  removeCheckpoints,
  saveCheckpoint,
} from './checkpoint.ts';
import { initialWeights, weightsFrom } from './initial-weights.ts';
import { crossEntropy, likeliest, measure, predictAll } from './metrics.ts';
import { classWeightsOf, commandOf, oneCycle, type TrainingPlan, trainerOptions } from './plan.ts';
import type { TrainingProgress } from './progress.ts';
import { keepTeaching, teaching } from './teachers.ts';

export interface TrainingRun {
  readonly engine: Engine;
  readonly network: Network;
  readonly plan: TrainingPlan;
  /** Black crops are left out. */
  readonly training: FaceSet;
  /** training.count * 7 targets, such as shares of votes, in place of its labels. */
  readonly targets?: Float32Array | undefined;
  /** Decides which epoch is the best: FER2013's PublicTest. */
  readonly validation: FaceSet;
  /** Holds the checkpoints and, in best/, the best network so far. */
  readonly directory: string;
  /** 'fresh' deletes an earlier run in the directory; 'resume' continues it, or starts one where there is none. */
  readonly start: 'fresh' | 'resume';
  /** A network that a fresh run starts from in place of random weights, and the commands that made it, if known. */
  readonly from?:
    | { readonly network: Network; readonly weights: Weights; readonly origin?: readonly string[] | undefined }
    | undefined;
  /** Threads for augmentation, besides those of the engine; with 0 it is done between the steps. */
  readonly augmentationThreads?: number;
  /** Aborts the training: it stops after the step under way and a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onWarning?: (sentence: string) => void;
}

interface TrainingOutcome {
  /** 'stopped': the signal was aborted, and the run can be resumed. 'early': patience ran out. */
  readonly ended: 'finished' | 'early' | 'stopped';
  readonly history: readonly EpochResult[];
  /** The best epoch, from 1; 0 where none has ended. */
  readonly bestEpoch: number;
  /** The network of that epoch. */
  readonly weights: Weights;
}

/** Name of the folder, in a run's directory, with the best network so far. */
export const BEST = 'best';

/**
 * Trains a network: every epoch goes over the whole training set, then come validation and a checkpoint. Where the plan has a
 * moving average of the weights, that average is validated and kept.
 * @throws UserError 'bad-usage' where a resumed run had another plan, 'bad-data' where it had other data
 */
export async function train(run: TrainingRun): Promise<TrainingOutcome> {
  const { engine, network, plan } = run;
  const { set: training, targets } = withoutBlackRows(run);
  const teacher = plan.teacher && (await teaching({ ...run, teachers: plan.teacher.folders }, training));
  const source = createBatchSource({
    set: training,
    teacher,
    targets,
    teacherWeight: plan.teacher?.weight,
    batchSize: plan.batchSize,
    seed: plan.seed,
    augmentation: plan.augmentation,
    labelSmoothing: plan.labelSmoothing,
    classWeights: classWeightsOf(plan, training.labels),
    threads: run.augmentationThreads ?? 1,
  });
  try {
    const data = fingerprint([training, run.validation], targets);
    const checkpoint = run.start === 'resume' ? await earlierCheckpoint(run, data) : undefined;
    const session = await engine.trainer(network, checkpoint?.weights ?? startingWeights(run), {
      ...trainerOptions(plan, source.batchSize),
      ...(checkpoint ? { state: checkpoint.state } : {}),
    });
    try {
      // Not earlier: a mistake in the settings of a new run must not delete the earlier run.
      if (!checkpoint) await removeCheckpoints(run.directory);
      if (teacher) await keepTeaching(run.directory, teacher);
      const progress = checkpoint?.progress ?? freshProgress(planKey(plan), data, run.from?.origin);
      return await new Trainer(run, source, session, progress).run();
    } finally {
      await session.dispose();
    }
  } finally {
    await source.close();
  }
}

class Trainer {
  private progress: RunProgress;
  private readonly training: TrainingRun;
  private readonly source: ReturnType<typeof createBatchSource>;
  private readonly session: TrainingSession;

  constructor(
    training: TrainingRun,
    source: ReturnType<typeof createBatchSource>,
    session: TrainingSession,
    progress: RunProgress,
  ) {
    this.training = training;
    this.source = source;
    this.session = session;
    this.progress = progress;
  }

  async run(): Promise<TrainingOutcome> {
    const { plan } = this.training;
    // A resumed run reports its progress, even where nothing is left to train.
    if (this.progress.history.length > 0 && this.progress.batch === 0) this.report(true);
    while (this.progress.epoch < plan.epochs) {
      if (this.outOfPatience()) return this.outcome('early');
      if (!(await this.trainEpoch())) {
        await this.checkpoint();
        return this.outcome('stopped');
      }
      await this.endEpoch();
    }
    return this.outcome('finished');
  }

  /** Trains the rest of the current epoch. @returns false where the signal ended it early */
  private async trainEpoch(): Promise<boolean> {
    const { plan, signal } = this.training;
    const steps = plan.epochs * this.source.batchesPerEpoch;
    const { epoch } = this.progress;
    let since = performance.now();
    for await (const batch of this.source.epoch(epoch, this.progress.batch)) {
      if (signal?.aborted) return false;
      const step = epoch * this.source.batchesPerEpoch + batch.index;
      const rate = oneCycle(
        { peak: plan.learningRate, warmUp: plan.warmUp, finalDivisor: plan.finalDivisor },
        step,
        steps,
      );
      const { loss, correct } = await this.session.step(batch, rate);
      if (!Number.isFinite(loss))
        throw new UserError(
          'bad-usage',
          `The loss became ${loss} in epoch ${epoch + 1}: try a learning rate below ${plan.learningRate}.`,
        );
      const now = performance.now();
      const { progress } = this;
      this.progress = {
        ...progress,
        batch: batch.index + 1,
        lossSum: progress.lossSum + loss,
        correct: progress.correct + correct,
        seconds: progress.seconds + (now - since) / 1000,
      };
      since = now;
      this.report(false);
    }
    return true;
  }

  /** Validates, keeps the network if it is the best so far, and writes a checkpoint. */
  private async endEpoch(): Promise<void> {
    const { network, directory } = this.training;
    const { progress } = this;
    const images = progress.batch * this.source.batchSize;
    const weights = (await this.session.average()) ?? (await this.session.weights());
    const validation = await this.validate(weights);
    const result: EpochResult = {
      loss: progress.lossSum / progress.batch,
      accuracy: progress.correct / images,
      ...validation,
      seconds: progress.seconds,
      imagesPerSecond: images / progress.seconds,
    };
    const best = progress.history[progress.bestEpoch];
    const better = best === undefined || result.valAccuracy > best.valAccuracy;
    if (better)
      await saveModel(join(directory, BEST), { network, weights, metadata: this.originOf(progress.epoch + 1) });
    this.progress = {
      ...progress,
      epoch: progress.epoch + 1,
      batch: 0,
      lossSum: 0,
      correct: 0,
      seconds: 0,
      history: [...progress.history, result],
      bestEpoch: better ? progress.epoch : progress.bestEpoch,
    };
    await this.checkpoint();
    this.report(true);
  }

  /** Metadata about the origin of an epoch's weights. @param epoch from 1 */
  private originOf(epoch: number): Readonly<Record<string, unknown>> {
    const { plan } = this.training;
    const { origin } = this.progress;
    const trained = { command: commandOf(plan), seed: plan.seed, epoch, ...(origin && { origin }) };
    return { epoch, trained };
  }

  private async validate(weights: Weights): Promise<Pick<EpochResult, 'valLoss' | 'valAccuracy'>> {
    const { engine, network, validation } = this.training;
    const predictor = await engine.predictor(network, weights);
    try {
      const probabilities = await predictAll(predictor, validation);
      return {
        valLoss: crossEntropy(probabilities, validation.labels),
        valAccuracy: measure(validation.labels, likeliest(probabilities)).accuracy,
      };
    } finally {
      await predictor.dispose();
    }
  }

  private async checkpoint(): Promise<void> {
    const { directory, network } = this.training;
    const weights = await this.session.weights();
    await saveCheckpoint(directory, network, { weights, state: await this.session.state(), progress: this.progress });
  }

  private outOfPatience(): boolean {
    const { patience } = this.training.plan;
    const { history, bestEpoch } = this.progress;
    return patience > 0 && history.length - 1 - bestEpoch >= patience;
  }

  private async outcome(ended: TrainingOutcome['ended']): Promise<TrainingOutcome> {
    const { history, bestEpoch } = this.progress;
    const weights =
      bestEpoch < 0 ? await this.session.weights() : (await loadModel(join(this.training.directory, BEST))).weights;
    return { ended, history, bestEpoch: bestEpoch + 1, weights };
  }

  private report(epochEnded: boolean): void {
    const { plan, onProgress } = this.training;
    if (!onProgress) return;
    const { progress, source } = this;
    const last = progress.history.at(-1);
    const images = progress.batch * source.batchSize;
    const speed = epochEnded ? last!.imagesPerSecond : images / progress.seconds;
    const left = (plan.epochs - progress.epoch) * source.batchesPerEpoch - progress.batch;
    onProgress({
      epoch: epochEnded ? progress.epoch : progress.epoch + 1,
      epochs: plan.epochs,
      batch: epochEnded ? source.batchesPerEpoch : progress.batch,
      batches: source.batchesPerEpoch,
      loss: epochEnded ? last!.loss : progress.lossSum / progress.batch,
      accuracy: epochEnded ? last!.accuracy : progress.correct / images,
      imagesPerSecond: speed,
      secondsLeft: (left * source.batchSize) / speed,
      history: progress.history,
      epochEnded,
    });
  }
}

function startingWeights({ network, plan, from }: TrainingRun): Weights {
  return from ? weightsFrom(from, network, plan.seed) : initialWeights(network, plan.seed);
}

/** The training set without its black crops, and the targets of the rows that are left. */
function withoutBlackRows({ training, targets }: TrainingRun): { set: FaceSet; targets: Float32Array | undefined } {
  const kept = indexesWhere(training, (k) => !isBlack(training, k));
  const n = EMOTIONS.length;
  const left =
    targets &&
    Float32Array.from({ length: kept.length * n }, (_, i) => targets[kept[Math.floor(i / n)]! * n + (i % n)]!);
  return { set: selectFaces(training, kept), targets: left };
}
