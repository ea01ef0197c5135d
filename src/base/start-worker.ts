import { Worker } from 'node:worker_threads';

/**
 * Starts a TypeScript file as a worker thread, under tsx and under vitest alike. On Node 20 `--import tsx` does nothing in a
 * worker (tsx registers itself on the main thread only), so a preloaded file registers it by its API.
 */
export function startWorker(file: URL, workerData: unknown): Worker {
  const preload = new URL('./register-tsx.mjs', import.meta.url).href;
  return new Worker(file, { workerData, execArgv: ['--import', preload] });
}
