import type { RgbImage } from '../../image.ts';
import type { Look, Sighting } from './look.ts';

/** One look of the network at a whole picture. */
export interface NetworkPass {
  /** Side of the square that the picture is fitted into, in pixels; a multiple of 32. Small faces need a large one, large faces a small one. */
  readonly side: number;
  /** Degrees that the heads sought lean clockwise: the picture is turned back by it before the network looks. */
  readonly angle: number;
  /** Width of the margin of mirrored picture around the picture, as a part of its longer side; 0 for none. */
  readonly margin: number;
}

/** What a worker is asked to do: look at all of a picture, or at places in it. */
export interface NetworkTask {
  readonly image: RgbImage;
  readonly passes: readonly NetworkPass[];
  /** Lowest score of a proposal, between 0 and 1. */
  readonly least: number;
  readonly looks: readonly Look[];
}

export interface NetworkAnswer {
  /** Of all passes. */
  readonly proposals: readonly NetworkProposal[];
  /** One for each look, in their order. */
  readonly sightings: readonly Sighting[];
}

/** What a pass takes for a face, before anything is verified. */
export interface NetworkProposal {
  /** Centre of the box as the network frames a face, in pixels of the task's image. */
  readonly centreX: number;
  readonly centreY: number;
  /** Width and height of that box, along the sides of the turned picture. */
  readonly width: number;
  readonly height: number;
  /** Which of the task's passes it is of. */
  readonly pass: NetworkPass;
  /** How sure the network is, 0..1. */
  readonly score: number;
}
