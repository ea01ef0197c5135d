import { exactPercent } from '../../base/numbers.ts';
import type { EpochResult } from './checkpoint.ts';

/** Progress of a training, reported after every step and every epoch. */
export interface TrainingProgress {
  /** The epoch under way, from 1, and how many there will be at most. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in the epoch under way. */
  readonly batch: number;
  readonly batches: number;
  /** Means over the epoch so far; accuracy on the augmented images, 0..1. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  /** Seconds until the last epoch ends, at the current speed. */
  readonly secondsLeft: number;
  /** Epochs that have ended. */
  readonly history: readonly EpochResult[];
  /** True for the report at the end of an epoch, false for that of a step. */
  readonly epochEnded: boolean;
}

/** Characters of the bar. */
const WIDTH = 20;

/** Progress as one line of text, with a bar for the current epoch: for a terminal or a chat message. */
export function progressLine(progress: TrainingProgress): string {
  const { epoch, epochs, batch, batches, loss, accuracy, imagesPerSecond, secondsLeft } = progress;
  const full = Math.round((WIDTH * batch) / batches);
  return [
    `Epoch ${epoch}/${epochs} ${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${Math.floor((100 * batch) / batches)} %`,
    `loss ${loss.toFixed(3)}`,
    `accuracy ${exactPercent(accuracy)}`,
    `${imagesPerSecond.toFixed(0)} images/s`,
    `${duration(secondsLeft)} left`,
  ].join(' · ');
}

/** The result of an epoch as one line. */
export function epochLine({ epoch, epochs, history }: TrainingProgress): string {
  const { loss, accuracy, valLoss, valAccuracy, imagesPerSecond, seconds } = history.at(-1)!;
  return [
    `Epoch ${epoch}/${epochs}`,
    `loss ${loss.toFixed(3)}`,
    `accuracy ${exactPercent(accuracy)}`,
    `PublicTest loss ${valLoss.toFixed(3)}`,
    `accuracy ${exactPercent(valAccuracy)}`,
    `${imagesPerSecond.toFixed(0)} images/s`,
    `took ${duration(seconds)}`,
  ].join(' · ');
}

/** Seconds as "3 h 05 min", "12 min" or "40 s". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
