import { createWorkerPool } from '../../base/workers.ts';

/**
 * Runs `confusionMatrix` of charts.ts on a thread of its own, which ends afterwards.
 * @param matrix rows true, columns predicted, in label order
 * @param name what was judged, for the title
 * @returns a PNG
 */
export async function drawConfusion(matrix: readonly (readonly number[])[], name: string): Promise<Uint8Array> {
  const pool = createWorkerPool<{ matrix: readonly (readonly number[])[]; name: string }, Uint8Array>(
    new URL('./confusion-worker.ts', import.meta.url),
    { threads: 1 },
  );
  try {
    return await pool.run({ matrix, name });
  } finally {
    await pool.close();
  }
}
