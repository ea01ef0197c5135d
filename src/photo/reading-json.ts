import { EMOTIONS, type Emotion, type Scores } from '../emotion/labels.ts';
import type { PhotoReading } from './read-photo.ts';

/** Probabilities are given in ten-thousandths: four decimals. */
const PARTS = 10_000;

/** A reading as JSON for programs: the command line's output, and the page's API. */
export function readingJson(reading: Omit<PhotoReading, 'more' | 'picture'> & { readonly more?: boolean }) {
  const { width, height, faces, more, frame, frames, milliseconds } = reading;
  return {
    width,
    height,
    faces: faces.map(({ box, emotion, course, unreadable, scores }) => {
      const rounded = roundedScores(scores);
      return {
        box,
        emotion,
        ...(course && { course }),
        ...(unreadable && { unreadable }),
        confidence: Math.max(...Object.values(rounded)),
        scores: rounded,
      };
    }),
    ...(more && { more }),
    ...(frame && { frame }),
    ...(frames && { frames }),
    milliseconds,
  };
}

/** Probabilities rounded to four decimals that still add up to 1. What rounding down leaves over goes to those that lost most. */
export function roundedScores(scores: Scores): Record<Emotion, number> {
  const whole = EMOTIONS.map((emotion) => Math.floor(scores[emotion] * PARTS));
  const lost = (k: number) => scores[EMOTIONS[k]!] * PARTS - whole[k]!;
  const left = PARTS - whole.reduce((sum, part) => sum + part, 0);
  const mostLost = EMOTIONS.map((_, k) => k).sort((a, b) => lost(b) - lost(a));
  for (const k of mostLost.slice(0, left)) whole[k]!++;
  return Object.fromEntries(EMOTIONS.map((emotion, k) => [emotion, whole[k]! / PARTS])) as Record<Emotion, number>;
}
