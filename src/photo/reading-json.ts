import { EMOTIONS, type Emotion, type Scores } from '../emotion/labels.ts';
import type { PhotoReading } from './read-photo.ts';

/** Parts of a probability that are told: four decimals. */
const PARTS = 10_000;

/** A reading in the form that programs are told it in: by the command line, and by the page's API. */
export function readingJson(reading: Omit<PhotoReading, 'more' | 'picture'> & { readonly more?: boolean }) {
  const { width, height, faces, more, frame, frames, milliseconds } = reading;
  return {
    width,
    height,
    faces: faces.map(({ box, emotion, course, unreadable, scores }) => {
      const told = roundedScores(scores);
      return {
        box,
        emotion,
        ...(course && { course }),
        ...(unreadable && { unreadable }),
        confidence: Math.max(...Object.values(told)),
        scores: told,
      };
    }),
    ...(more && { more }),
    ...(frame && { frame }),
    ...(frames && { frames }),
    milliseconds,
  };
}

/** Probabilities with four decimals that add up to 1 still: what rounding down leaves goes to those that lost most. */
export function roundedScores(scores: Scores): Record<Emotion, number> {
  const whole = EMOTIONS.map((emotion) => Math.floor(scores[emotion] * PARTS));
  const lost = (k: number) => scores[EMOTIONS[k]!] * PARTS - whole[k]!;
  const left = PARTS - whole.reduce((sum, part) => sum + part, 0);
  const mostLost = EMOTIONS.map((_, k) => k).sort((a, b) => lost(b) - lost(a));
  for (const k of mostLost.slice(0, left)) whole[k]!++;
  return Object.fromEntries(EMOTIONS.map((emotion, k) => [emotion, whole[k]! / PARTS])) as Record<Emotion, number>;
}
