import type { RgbImage } from '../image.ts';
import type { FaceBox } from './box.ts';

/** What finds faces: the cascades and the network, weighed together (the default), or one of them alone. */
export const DETECTORS = ['fusion', 'haar', 'network'] as const;
export type DetectorChoice = (typeof DETECTORS)[number];

/** What runs OpenCV's cascades: the system's OpenCV where its binding is built, otherwise WebAssembly (the default); or always WebAssembly. */
export const OPENCV_CHOICES = ['auto', 'wasm'] as const;
export type OpenCvChoice = (typeof OPENCV_CHOICES)[number];

/** Finds faces in upright pictures. Implementations never work on the main thread. */
export interface FaceDetector {
  /**
   * @returns one box a face in pixels of the image, none overlapping another by much, in no particular order; [] when there is no face
   * @throws the signal's reason when it was aborted
   */
  detect(image: RgbImage, options?: { signal?: AbortSignal }): Promise<FaceBox[]>;
  /** Loads what only some pictures need, so that none of them waits for it. */
  prepare?(): Promise<unknown>;
  /** Ends the detector's threads; detect must not be called afterwards. */
  close(): Promise<void>;
}
