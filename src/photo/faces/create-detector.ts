import { availableParallelism } from 'node:os';
import type { DetectorChoice, FaceDetector, OpenCvChoice } from './detector.ts';
import { createHaarDetector } from './haar/haar-detector.ts';
import { createScoredDetector } from './scored-detector.ts';

interface FaceDetectorOptions {
  /** What finds faces; 'network' by default. */
  readonly detector?: DetectorChoice;
  /** What runs the cascades; 'auto' by default. */
  readonly openCv?: OpenCvChoice;
  /** Largest number of threads for the cascades. Default: the machine's cores, at most 2 (each thread holds OpenCV, about 100 MB). */
  readonly threads?: number;
}

/** Makes the detector that the bot uses, in worker threads. Threads start with the first picture. */
export function createFaceDetector(options: FaceDetectorOptions = {}): FaceDetector {
  const { detector = 'network', openCv = 'auto', threads = Math.min(2, availableParallelism()) } = options;
  return detector === 'haar' ? createHaarDetector({ threads, openCv }) : createScoredDetector();
}
