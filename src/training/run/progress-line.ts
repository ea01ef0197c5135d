import { exactPercent } from '../../base/numbers.ts';
import type { TrainingProgress } from './trainer.ts';

const WIDTH = 20;

/** Progress as one line of text, with a bar over the present epoch: for a terminal and for a chat message alike. */
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

/** What an epoch came to, as one line. */
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
