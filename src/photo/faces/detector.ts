import type { RgbImage } from '../image.ts';
import type { FaceBox } from './box.ts';

/** The kinds of face detector: a network (the default), or OpenCV's cascades. */
export const DETECTORS = ['network', 'haar'] as const;

/** The names that settings and commands accept. 'fusion', an earlier default that people still have in their .env, means the network. */
export const DETECTOR_CHOICES = [...DETECTORS, 'fusion'] as const;
export type DetectorChoice = (typeof DETECTOR_CHOICES)[number];

/**
 * How OpenCV's cascades are run: by the system's OpenCV if its binding is built, else in WebAssembly (the default); or always in
 * WebAssembly.
 */
export const OPENCV_CHOICES = ['auto', 'wasm'] as const;
export type OpenCvChoice = (typeof OPENCV_CHOICES)[number];

/** Finds faces in upright pictures. Implementations never work on the main thread. */
export interface FaceDetector {
  /**
   * @returns one box per face in pixels of the image, in no particular order; [] if there is no face. Boxes overlap little or not at all
   * @throws the signal's reason if it was aborted
   */
  detect(image: RgbImage, options?: { signal?: AbortSignal }): Promise<FaceBox[]>;
  /**
   * Looks again at boxes that are perhaps no person's face: does one frame two heads side by side? Absent where the detector cannot tell.
   * @param boxes of `detect` for the same image
   * @returns one answer for each box, in their order
   * @throws the signal's reason if it was aborted
   */
  frameTwoHeads?(image: RgbImage, boxes: readonly FaceBox[], options?: { signal?: AbortSignal }): Promise<boolean[]>;
  /** Ends the detector's threads; detect must not be called afterwards. */
  close(): Promise<void>;
}
