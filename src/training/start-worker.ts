import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/**
 * Starts a TypeScript file as a worker thread, under tsx and under vitest alike. On Node 20 `--import tsx` does nothing in a
 * worker (tsx registers itself on the main thread only), so the thread registers tsx by its API before its file loads.
 */
export function startWorker(file: URL, workerData: unknown): Worker {
  // By its full path: a bare name in a data: address would be looked up nowhere.
  const api = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm/api')).href;
  const preload = `import tsx from ${JSON.stringify(api)}; tsx.register();`;
  return new Worker(file, {
    workerData,
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(preload)}`],
  });
}
