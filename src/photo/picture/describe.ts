import { percent } from '../../base/numbers.ts';
import type { Reading, Unreadable } from '../../emotion/classifier.ts';
import { EMOTIONS, type Emotion, type Scores } from '../../emotion/labels.ts';

/** Longest description, in characters: Discord takes 1024 and Slack 1000 as alternative text. */
const LONGEST = 900;

/** The two emotions with the highest scores, the likeliest first; of equal ones the first in label order. */
export function twoLikeliest(scores: Scores): [Emotion, Emotion] {
  const sorted = [...EMOTIONS].sort((a, b) => scores[b] - scores[a]);
  return [sorted[0]!, sorted[1]!];
}

/** Why a face cannot be read, in words that follow 'unsure: '. */
export const UNREADABLE: Readonly<Record<Unreadable, string>> = {
  small: 'too small to read',
  covered: 'mouth or eyes covered',
  cut: 'cut off at the edge',
  'no-person': 'perhaps not a person',
};

/** A person's expression; in a moving picture it may change. */
export interface PersonReading extends Reading {
  /** Their expressions, one after the other; absent where it is the same all the time. */
  readonly course?: readonly Reading['emotion'][];
}

/** How many frames of an animation were read, and how many there are. */
export interface FramesRead {
  readonly read: number;
  readonly of: number;
}

/** Which frames of an animation were read, in words: "24 of 60 frames", "frame 2 of 60"; '' where it is none. */
export function whichFrames({
  frame,
  frames,
}: {
  readonly frame?: { readonly number: number; readonly of: number };
  readonly frames?: FramesRead;
}): string {
  if (frames) return frames.read === frames.of ? `${frames.of} frames` : `${frames.read} of ${frames.of} frames`;
  return frame ? `frame ${frame.number} of ${frame.of}` : '';
}

/**
 * A face's expression in the words that every answer uses: in a chat, in a terminal and in alternative text.
 * Examples: "happy 91 %", "unsure: sad 41 % or neutral 33 %", "unsure: too small to read"; in a moving picture "happy,
 * then surprise".
 */
export function describeReading(reading: PersonReading): string {
  if (reading.course) return reading.course.join(', then ');
  if (reading.emotion !== 'unsure') return `${reading.emotion} ${percent(reading.confidence)}`;
  if (reading.unreadable) return `unsure: ${UNREADABLE[reading.unreadable]}`;
  const guesses = twoLikeliest(reading.scores).map((emotion) => `${emotion} ${percent(reading.scores[emotion])}`);
  return `unsure: ${guesses.join(' or ')}`;
}

/**
 * Alternative text of an annotated picture:
 * "Photo with 2 faces: 1. happy 91 %; 2. unsure: sad 41 % or neutral 33 %". Crowds are counted instead of listed.
 * @param readings in the order of their numbers
 */
export function describePhoto(readings: readonly PersonReading[], picture = 'Photo'): string {
  if (readings.length === 0) return `${picture} in which no face was found`;
  const title = `${picture} with ${faces(readings)}`;
  const list = readings.map((reading, k) => `${k + 1}. ${describeReading(reading)}`).join('; ');
  const full = `${title}: ${list}`;
  if (full.length <= LONGEST) return full;
  const people = peopleAmong(readings);
  return people.length > 0 ? `${title}: ${countEmotions(people)}` : title;
}

/** For more faces than this, a summary counts all expressions: that says more than the commonest one alone. */
const CROWD = 20;

/**
 * The first line of an answer, about all people together: "2 people", "7 people, mostly happy" or "5 people: 2
 * happy, 2 sad, 1 unsure". For a crowd: "49 faces: 22 unsure, 15 neutral, 12 happy". What is perhaps no person is
 * counted apart: "1 person; 1 more face, perhaps not a person's".
 */
export function summarise(readings: readonly Reading[]): string {
  const people = peopleAmong(readings);
  if (people.length === 0) return faces(readings);
  if (people.length > CROWD) return `${faces(readings)}: ${countEmotions(people)}`;
  const others = readings.length - people.length;
  if (others === 0) return summarisePeople(people);
  return `${summarisePeople(people)}; ${others} more ${others === 1 ? 'face' : 'faces'}, ${perhapsNot(others)}`;
}

function summarisePeople(readings: readonly Reading[]): string {
  const people = readings.length === 1 ? '1 person' : `${readings.length} people`;
  // For one or two people the lines below it say everything.
  if (readings.length <= 2) return people;
  const [[emotion, count]] = tally(readings) as [[string, number]];
  if (count === readings.length) return `${people}, all ${emotion}`;
  return count > readings.length / 2 ? `${people}, mostly ${emotion}` : `${people}: ${countEmotions(readings)}`;
}

/** "3 faces", "1 face, perhaps not a person's" or "3 faces, 1 of them perhaps not a person's". */
function faces(readings: readonly Reading[]): string {
  const all = readings.length;
  const others = all - peopleAmong(readings).length;
  const count = all === 1 ? '1 face' : `${all} faces`;
  if (others === 0) return count;
  return `${count}, ${others < all ? `${others} of them ` : ''}${perhapsNot(others)}`;
}

function perhapsNot(count: number): string {
  return count === 1 ? "perhaps not a person's" : "perhaps not people's";
}

/** The readings without those of what is perhaps no person. */
function peopleAmong<T extends Reading>(readings: readonly T[]): readonly T[] {
  return readings.filter(({ unreadable }) => unreadable !== 'no-person');
}

/** "12 happy, 7 neutral, 3 unsure", the most frequent first. */
function countEmotions(readings: readonly Reading[]): string {
  return tally(readings)
    .map(([emotion, count]) => `${count} ${emotion}`)
    .join(', ');
}

/** How many people show each expression, the most frequent first. */
function tally(readings: readonly Reading[]): [Reading['emotion'], number][] {
  const counts = new Map<Reading['emotion'], number>();
  for (const { emotion } of readings) counts.set(emotion, (counts.get(emotion) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
