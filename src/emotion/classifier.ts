import type { Scores } from './labels.ts';

/** What the network sees in one face. */
export interface Reading {
  /** Calibrated probability of each emotion, 0..1, summing to 1. */
  readonly scores: Scores;
  /** The likeliest emotion, or 'unsure' where its probability is below the model's threshold. */
  readonly emotion: keyof Scores | 'unsure';
  /** Probability of the likeliest emotion, 0..1. */
  readonly confidence: number;
}

/** Reads emotions from face crops; a batch at a time. */
export interface Classifier {
  /**
   * @param crops gray face crops, 48 x 48 bytes each (row by row, 0 black .. 255 white), as FER2013 stores them
   * @returns one reading a crop, in the same order; [] for no crops
   */
  classify(crops: readonly Uint8Array[]): Promise<Reading[]>;
  /** Frees the network's memory; classify must not be called afterwards. */
  dispose(): Promise<void>;
}
