import type { Reading } from '../../emotion/classifier.ts';
import { centreOf, overlap, type Rectangle } from '../faces/box.ts';

/** A face in one frame. */
export interface FrameFace extends Reading {
  readonly box: Rectangle;
}

/** One person: the frames that they were seen in, by the frame's place among those that were looked at. */
export type Followed = ReadonlyMap<number, FrameFace>;

/** Two faces are the same person's if their boxes overlap (intersection over union) by at least this much … */
const SAME_UNION = 0.25;
/** … or if their centres are no further apart than SAME_CENTRE box sides, and neither side is longer than SAME_SIZE times the other. */
const SAME_CENTRE = 0.75;
const SAME_SIZE = 1.6;
/** A person may be unseen, turned away or hidden, for this many frames and is still the same person afterwards. */
const MOST_MISSED = 3;
/** Where there are at least this many frames, a face seen in only one of them is more likely a false detection than a person. */
const MANY_FRAMES = 6;

/**
 * Follows people from frame to frame by the positions of their faces: each face of a frame joins the person whose last face is closest.
 * @param frames the faces in each frame
 * @returns one entry a person, in the order in which they come into sight
 */
export function follow(frames: readonly (readonly FrameFace[])[]): Followed[] {
  const people: Map<number, FrameFace>[] = [];
  for (const [at, faces] of frames.entries()) {
    const pairs = people
      .flatMap((person) => {
        const [last, before] = [...person].at(-1)!;
        if (at - last > MOST_MISSED + 1) return [];
        return faces.map((face) => ({ person, face, closeness: closeness(before.box, face.box) }));
      })
      .filter(({ closeness: close }) => close > 0)
      .sort((a, b) => b.closeness - a.closeness);
    const taken = new Set<object>();
    for (const { person, face } of pairs) {
      if (taken.has(person) || taken.has(face)) continue;
      taken.add(person).add(face);
      person.set(at, face);
    }
    for (const face of faces) if (!taken.has(face)) people.push(new Map([[at, face]]));
  }
  const seenAgain = people.filter(({ size }) => size > 1);
  return frames.length >= MANY_FRAMES && seenAgain.length > 0 ? seenAgain : people;
}

/** How likely two boxes of different frames are one person's: 0 for not at all, then higher is likelier. */
function closeness(a: Rectangle, b: Rectangle): number {
  const { union } = overlap(a, b);
  if (union >= SAME_UNION) return 1 + union;
  const [from, to] = [centreOf(a), centreOf(b)];
  const sides = [Math.max(a.width, a.height), Math.max(b.width, b.height)] as const;
  if (Math.max(...sides) > SAME_SIZE * Math.min(...sides)) return 0;
  const apart = Math.hypot(to.x - from.x, to.y - from.y) / ((sides[0] + sides[1]) / 2);
  return apart <= SAME_CENTRE ? 1 - apart / (2 * SAME_CENTRE) : 0;
}

/** Weight of a frame's neighbours, relative to its own, when boxes and readings are smoothed. */
const NEIGHBOUR = 0.5;

/**
 * A person's face in each frame from the first sighting to the last. Boxes and readings are averaged with those of the neighbouring
 * frames. A neighbour shown for a shorter time counts less, in proportion, so that a short frame does not change a long one. Gaps are
 * interpolated.
 * @param milliseconds how long each frame is shown
 */
export function steady(person: Followed, milliseconds: readonly number[]): Map<number, FrameFace> {
  const first = Math.min(...person.keys());
  const last = Math.max(...person.keys());
  const steadied = new Map<number, FrameFace>();
  for (let at = first; at <= last; at++) {
    const near = [at - 1, at, at + 1].flatMap((k) => {
      const seen = person.get(k) ?? (k === at ? between(person, at) : undefined);
      return seen
        ? [{ seen, weight: k === at ? 1 : NEIGHBOUR * Math.min(1, milliseconds[k]! / milliseconds[at]!) }]
        : [];
    });
    steadied.set(at, { ...average(near), box: averageBox(near) });
  }
  return steadied;
}

/** Interpolates a person's face in a frame in which it was not seen. */
function between(person: Followed, at: number): FrameFace {
  const before = Math.max(...[...person.keys()].filter((k) => k < at));
  const after = Math.min(...[...person.keys()].filter((k) => k > at));
  const near = [
    { seen: person.get(before)!, weight: after - at },
    { seen: person.get(after)!, weight: at - before },
  ];
  return { ...average(near), box: averageBox(near) };
}

interface Weighed {
  readonly seen: FrameFace;
  readonly weight: number;
}

/**
 * The weighted mean of several readings of one face; 'unsure' where more than half of the weight is. Readings that are unreadable count
 * only where all are, or where more than half of the weight is perhaps no person's: a hand may hide a face for a while, but a drawing
 * stays one.
 */
export function average(readings: readonly Weighed[]): Reading {
  const weightOf = (some: readonly Weighed[]) => some.reduce((sum, { weight }) => sum + weight, 0);
  const drawn = readings.filter(({ seen }) => seen.unreadable === 'no-person');
  const legible = readings.filter(({ seen }) => seen.unreadable === undefined);
  const unread = weightOf(drawn) > weightOf(readings) / 2 ? drawn[0] : legible.length === 0 ? readings[0] : undefined;
  if (unread) {
    const { box: _, ...reading } = unread.seen;
    return reading;
  }
  const total = weightOf(legible);
  const mean = (value: (seen: FrameFace) => number) =>
    legible.reduce((sum, { seen, weight }) => sum + weight * value(seen), 0) / total;
  const names = Object.keys(legible[0]!.seen.scores) as (keyof Reading['scores'])[];
  const scores = Object.fromEntries(
    names.map((name) => [name, mean((seen) => seen.scores[name])]),
  ) as Reading['scores'];
  const likeliest = names.reduce((best, name) => (scores[name] > scores[best] ? name : best));
  const unsure = mean(({ emotion }) => (emotion === 'unsure' ? 1 : 0));
  return { scores, emotion: unsure > 0.5 ? 'unsure' : likeliest, confidence: scores[likeliest] };
}

/** The weighted mean of a face's boxes. */
export function averageBox(readings: readonly Weighed[]): Rectangle {
  const total = readings.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (value: (box: Rectangle) => number) =>
    readings.reduce((sum, { seen, weight }) => sum + weight * value(seen.box), 0) / total;
  return {
    x: mean(({ x }) => x),
    y: mean(({ y }) => y),
    width: mean(({ width }) => width),
    height: mean(({ height }) => height),
  };
}

/** An expression shown for a smaller share of the time than this is noise in the readings … */
const SHORTEST = 0.08;
/** … and so is one shown for less than this many frames of median length. Both apply only to MANY_FRAMES or more. */
const SHORTEST_FRAMES = 2;
/** Most expressions that are named. */
const MOST_NAMED = 4;

/**
 * The expressions of a person, one after the other, without 'unsure' and without noise.
 * @param milliseconds how long each frame is shown
 */
export function courseOf(
  steadied: ReadonlyMap<number, FrameFace>,
  milliseconds: readonly number[],
): Reading['emotion'][] {
  const runs: { emotion: Reading['emotion']; shown: number }[] = [];
  const add = (emotion: Reading['emotion'], shown: number) => {
    const last = runs.at(-1);
    if (last?.emotion === emotion) last.shown += shown;
    else runs.push({ emotion, shown });
  };
  const lasts = [...steadied.keys()].map((at) => milliseconds[at]!);
  const all = lasts.reduce((sum, one) => sum + one, 0);
  const usual = lasts.toSorted((a, b) => a - b)[lasts.length >> 1] ?? 0;
  const least = steadied.size < MANY_FRAMES ? 0 : Math.max(SHORTEST_FRAMES * usual, SHORTEST * all);
  for (const [at, { emotion }] of steadied) add(emotion, milliseconds[at]!);
  const long = runs.splice(0).filter(({ emotion, shown }) => emotion !== 'unsure' && shown >= least);
  for (const { emotion, shown } of long) add(emotion, shown);
  return runs.slice(0, MOST_NAMED).map(({ emotion }) => emotion);
}
