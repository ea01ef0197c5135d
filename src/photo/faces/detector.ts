import type { RgbImage } from '../image.ts';
import type { FaceBox } from './box.ts';

/** What finds faces: a network (the default), or OpenCV's cascades. */
export const DETECTORS = ['network', 'haar'] as const;

/** What settings and commands accept. 'fusion' means the network too: it was the default while the cascades were used as well, and is in people's .env. */
export const DETECTOR_CHOICES = [...DETECTORS, 'fusion'] as const;
export type DetectorChoice = (typeof DETECTOR_CHOICES)[number];

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
  /** Ends the detector's threads; detect must not be called afterwards. */
  close(): Promise<void>;
}
