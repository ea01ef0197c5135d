import type { Reading } from '../../emotion/classifier.ts';
import { centreOf, overlap, type Rectangle } from '../faces/box.ts';

/** A face in one frame. */
export interface FrameFace extends Reading {
  readonly box: Rectangle;
}

/** One person: the frames that they were seen in, by the frame's place among those that were looked at. */
export type Followed = ReadonlyMap<number, FrameFace>;

/** A face is the same person's as one before it where the boxes overlap (intersection over union) by this much … */
const SAME_UNION = 0.25;
/** … or where their centres are apart by no more than this part of a box's side, and neither side is longer than this many times the other. */
const SAME_CENTRE = 0.75;
const SAME_SIZE = 1.6;
/** Frames that a person may be out of sight, turned away or hidden, and still be the same one. */
const MOST_MISSED = 3;
/** Of so many frames and more, a face that is seen in only one of them is more likely a mistake than a person. */
const MANY_FRAMES = 6;

/**
 * Follows people from frame to frame by where their faces are: each face of a frame joins the person whose last one is closest.
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

/** How much a frame's neighbours count beside it, where boxes and readings are made steady. */
const NEIGHBOUR = 0.5;

/**
 * A person's face in each frame from the first sighting to the last. Boxes and readings are averaged with those of the
 * frames beside: of one that is shown for a shorter time in that proportion, so that a glimpse does not change what stands. Gaps are
 * filled by what lies on both sides of them.
 * @param milliseconds for which each frame is shown
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

/** What a person is likely to look like in a frame in which they were not seen. */
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
 * What several readings of one face say together: their mean; 'unsure' where more of them are than not. Those that cannot be read count only
 * where none can.
 */
export function average(readings: readonly Weighed[]): Reading {
  const legible = readings.filter(({ seen }) => seen.unreadable === undefined);
  if (legible.length === 0) {
    const { box: _, ...reading } = readings[0]!.seen;
    return reading;
  }
  const total = legible.reduce((sum, { weight }) => sum + weight, 0);
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

/** The mean of where a face was seen. */
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

/** An expression that is shown for less of the time than this, beside others, is a flicker of the readings … */
const SHORTEST = 0.08;
/** … and so is, among many frames, one that is shown for less than so many frames of usual length. */
const SHORTEST_FRAMES = 2;
/** Expressions that are named, one after the other. */
const MOST_NAMED = 4;

/**
 * The expressions of a person, one after the other: 'unsure' only where there is nothing else.
 * @param milliseconds for which each frame is shown
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
