import type { GrayImage } from '../../image.ts';

/** One run of a face cascade over a whole picture. */
export interface HaarPass {
  /** File name in model/cascades. */
  readonly cascade: string;
  /** Degrees that the heads sought lean clockwise: the picture is turned back by it before the cascade runs. */
  readonly angle: number;
  /** Each size of face sought is this many times the last. */
  readonly scaleFactor: number;
  /** A face needs more than this many overlapping hits. */
  readonly minNeighbours: number;
}

/** What a worker is asked to do. */
export interface HaarTask {
  readonly image: GrayImage;
  readonly pass: HaarPass;
  /** Smallest face sought, in pixels of this image. */
  readonly minFace: number;
  /** Whether to look for eyes in what was found. */
  readonly eyes: boolean;
}

/** What a pass takes for a face, before anything is verified. */
export interface HaarProposal {
  /** Centre and side of a square, in pixels of the task's image. */
  readonly centreX: number;
  readonly centreY: number;
  readonly side: number;
  /** The pass's angle, degrees clockwise. */
  readonly angle: number;
  /** Overlapping hits that were joined into this one. */
  readonly neighbours: number;
  /** Centres of the eyes found in it, in pixels of the task's image; none where they were not looked for. */
  readonly eyes: readonly { readonly x: number; readonly y: number }[];
}
