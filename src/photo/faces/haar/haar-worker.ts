/**
 * Runs in a worker thread: each task is one pass over one picture, in a process with the system's OpenCV where @u4/opencv4nodejs is built,
 * otherwise in WebAssembly on this thread. Either is loaded once a thread, with its cascades.
 */
import { toGray } from '../../image.ts';
import type { HaarProposal, HaarTask } from './haar.ts';
import { NativeOpenCvGone, startNativeOpenCv } from './native.ts';
import type { GrayTask } from './pass.ts';

let native: ReturnType<typeof startNativeOpenCv> | undefined;

/** One pass over one picture: see HaarTask and HaarProposal. */
export default async function runTask({ image, openCv, ...how }: HaarTask): Promise<HaarProposal[]> {
  const task: GrayTask = { ...how, gray: toGray(image) };
  if (openCv === 'auto') {
    native ??= startNativeOpenCv();
    const found = await native;
    try {
      if (!('missing' in found)) return await found.run(task);
    } catch (error) {
      if (!(error instanceof NativeOpenCvGone)) throw error;
      // This picture is still searched: from now on this thread uses WebAssembly.
      native = Promise.resolve({ missing: error.message });
    }
  }
  // Loaded only if it is needed, since it takes 100 MB.
  const { runPassInWasm } = await import('./wasm-opencv.ts');
  return await runPassInWasm(task);
}
