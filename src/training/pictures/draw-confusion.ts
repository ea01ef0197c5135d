import { createWorkerPool } from '../../base/workers.ts';
import type { Counted } from './charts.ts';

/** A confusion matrix to be drawn: the parameters of `drawConfusion`. */
export interface ConfusionTask {
  readonly matrix: readonly (readonly number[])[];
  readonly name: string;
  readonly counted: Counted;
}

/**
 * Runs `confusionMatrix` of charts.ts on a thread of its own, which ends afterwards.
 * @param matrix rows true, columns predicted, in label order
 * @param name what was judged, for the title
 * @param counted what is counted, for the subtitle
 * @returns a PNG
 */
export async function drawConfusion(
  matrix: readonly (readonly number[])[],
  name: string,
  counted: Counted,
): Promise<Uint8Array> {
  const pool = createWorkerPool<ConfusionTask, Uint8Array>(new URL('./confusion-worker.ts', import.meta.url), {
    threads: 1,
  });
  try {
    return await pool.run({ matrix, name, counted });
  } finally {
    await pool.close();
  }
}
