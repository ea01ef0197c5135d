import type { Reading } from '../../emotion/classifier.ts';
import type { DecodedAnimation } from '../decode.ts';
import type { Rectangle } from '../faces/box.ts';
import { type FaceTools, type FoundFaces, readFaces } from '../read-faces.ts';
import { inReadingOrder } from '../reading-order.ts';
import { reusingPixels } from '../shared-pixels.ts';
import { average, averageBox, courseOf, type FrameFace, follow, steady } from './follow.ts';

/** Frames of an animation that are looked at. */
export const MOST_FRAMES = 24;
/** Their longest side, in pixels: as large as a chat shows them, and what makes a file that every chat takes. */
export const FRAME_SIDE = 640;
/** Fewer than this, of an animation that has more, do not show how faces move. */
const LEAST_FRAMES = 4;

/** A person in a moving picture. */
export interface MovingPerson extends Reading {
  /** Where their face is on average, in pixels of a frame. */
  readonly box: Rectangle;
  /** What they show, one after the other; absent where it is one thing all the time. */
  readonly course?: readonly Reading['emotion'][];
  /** Their face in each frame that they are in, by the frame's place. */
  readonly sightings: ReadonlyMap<number, FrameFace>;
}

/** All that was seen in a moving picture. */
export interface MovingReading {
  /** In the order of their numbers. */
  readonly people: readonly MovingPerson[];
  readonly more: boolean;
  /** The frames that were looked at. */
  readonly animation: DecodedAnimation;
}

/**
 * Reads the faces of frames, and follows people through them.
 * @param mostMilliseconds of that: once it has passed, those that were read are all
 * @returns undefined where there is no time for enough of them
 * @throws the signal's reason
 */
export async function readMoving(
  animation: DecodedAnimation,
  tools: FaceTools,
  mostMilliseconds: number,
  signal: AbortSignal,
): Promise<MovingReading | undefined> {
  const started = performance.now();
  const least = Math.min(LEAST_FRAMES, animation.frames.length);
  const read = new Map<number, FoundFaces>();
  for (const frame of coarseToFine(animation.frames.length)) {
    const passed = performance.now() - started;
    if (passed > mostMilliseconds && read.size >= least) break;
    if (passed > mostMilliseconds * PATIENCE) return undefined;
    // Each frame's memory is the next one's.
    read.set(frame, await reusingPixels(() => readFaces(animation.frames[frame]!, tools, signal)));
  }
  const kept = [...read.keys()].sort((a, b) => a - b);
  const frames = kept.map((frame) => read.get(frame)!);
  const shown = onlyFrames(animation, kept);
  const people = follow(frames.map(({ faces }) => faces)).map((person) => personOf(person, shown.milliseconds));
  const ordered = inReadingOrder(people.map((person) => ({ ...person.box, person })));
  return {
    people: ordered.map(({ person }) => person),
    more: frames.some(({ more }) => more),
    animation: shown,
  };
}

/** So many times the time that there is, the fewest frames may take. */
const PATIENCE = 1.3;

/** All frames, from 0: the first, then those halfway between frames that came before, so that any beginning is spread over all of them. */
export function coarseToFine(count: number): number[] {
  const order = count > 0 ? [0] : [];
  for (let step = 2 ** Math.ceil(Math.log2(Math.max(1, count))); step > 1; step /= 2) {
    for (let frame = step / 2; frame < count; frame += step) order.push(frame);
  }
  return order;
}

/** @param milliseconds for which each frame is shown: what is seen in it weighs as much */
function personOf(person: ReadonlyMap<number, FrameFace>, milliseconds: readonly number[]): MovingPerson {
  const sightings = steady(person, milliseconds);
  const all = [...sightings].map(([at, seen]) => ({ seen, weight: milliseconds[at]! }));
  const course = courseOf(sightings, milliseconds);
  return { ...average(all), box: averageBox(all), sightings, ...(course.length > 1 && { course }) };
}

/** An animation of some of its frames that lasts as long. @param kept the first one among them */
function onlyFrames(animation: DecodedAnimation, kept: readonly number[]): DecodedAnimation {
  const { frames, milliseconds } = animation;
  return {
    ...animation,
    frames: kept.map((frame) => frames[frame]!),
    milliseconds: kept.map((frame, k) =>
      milliseconds.slice(frame, kept[k + 1] ?? frames.length).reduce((sum, one) => sum + one, 0),
    ),
  };
}
