import { availableParallelism } from 'node:os';
import type { RgbImage } from '../image.ts';
import { createHaarDetector } from './haar/haar.ts';
import { createScoredDetector } from './scored-detector.ts';

/** A face that a detector found. */
export interface FaceBox {
  /** Left edge, in pixels of the image that was searched; not rounded, may lie outside it. */
  readonly x: number;
  /** Top edge, likewise. */
  readonly y: number;
  /** Width of the upright box around the face, in pixels. */
  readonly width: number;
  /** Height of the box, in pixels. */
  readonly height: number;
  /** How far the head leans clockwise as one looks at the picture, in degrees; 0 when upright. */
  readonly angle: number;
  /** How sure the detector is: higher is surer. Comparable within one detector only. */
  readonly score: number;
}

/** Finds faces in upright pictures. Implementations never work on the main thread. */
export interface FaceDetector {
  /**
   * @returns one box a face, none overlapping another by much, in no particular order; [] when there is no face
   * @throws the signal's reason when it was aborted
   */
  detect(image: RgbImage, options?: { signal?: AbortSignal }): Promise<FaceBox[]>;
  /** Ends the detector's threads; detect must not be called afterwards. */
  close(): Promise<void>;
}

/** What finds faces: the cascades and the network, weighed together (the default), or one of them alone. */
export const DETECTORS = ['fusion', 'haar', 'network'] as const;
export type DetectorChoice = (typeof DETECTORS)[number];

export interface FaceDetectorOptions {
  /** What finds faces; 'fusion' by default. */
  readonly detector?: DetectorChoice;
  /** Most threads for the cascades; by default as many as the machine has cores, 2 at most (each holds OpenCV, about 100 MB). */
  readonly threads?: number;
}

/** Makes the detector that the bot uses, in worker threads. Threads start with the first picture. */
export function createFaceDetector(options: FaceDetectorOptions = {}): FaceDetector {
  const { detector = 'fusion', threads = Math.min(2, availableParallelism()) } = options;
  return detector === 'haar' ? createHaarDetector({ threads }) : createScoredDetector(detector, { threads });
}
