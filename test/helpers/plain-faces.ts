import type { Reading } from '../../src/emotion/classifier.ts';
import { EMOTIONS, FACE_PIXELS, toScores } from '../../src/emotion/labels.ts';
import type { FaceSet } from '../../src/training/data/face-set.ts';

/** Labelled crops of one gray level each, which are rows 100, 101, ... of their data set. */
export function plainFaces(levels: readonly number[], labels: readonly number[]): FaceSet {
  const pixels = new Uint8Array(levels.length * FACE_PIXELS);
  for (const [k, level] of levels.entries()) pixels.fill(level, k * FACE_PIXELS, (k + 1) * FACE_PIXELS);
  const rows = {
    files: ['x.csv'],
    file: new Uint16Array(levels.length),
    line: new Uint32Array(levels.length),
    index: Uint32Array.from(levels, (_, k) => 100 + k),
  };
  return { count: levels.length, pixels, labels: Uint8Array.from(labels), rows };
}

/** A reading of one emotion (an index) with this probability; the others share the rest alike. */
export function reading(emotion: number, confidence: number, unsure = false): Reading {
  const rest = (1 - confidence) / (EMOTIONS.length - 1);
  const scores = toScores(Float32Array.from(EMOTIONS, (_, k) => (k === emotion ? confidence : rest)));
  return { scores, confidence, emotion: unsure ? 'unsure' : EMOTIONS[emotion]! };
}
