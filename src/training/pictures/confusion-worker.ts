import { confusionMatrix } from './charts.ts';
import type { ConfusionTask } from './draw-confusion.ts';

/** Draws a confusion matrix in a worker thread: loading the charting libraries alone would block the main thread for half a second. */
export default async function draw({ matrix, name, counted }: ConfusionTask): Promise<Uint8Array> {
  return new Uint8Array(await confusionMatrix(matrix, name, counted));
}
