import type { Reading } from '../../emotion/classifier.ts';
import type { DecodedAnimation } from '../decode.ts';
import type { Rectangle } from '../faces/box.ts';
import { type FaceTools, type FoundFaces, readFaces } from '../read-faces.ts';
import { inReadingOrder } from '../reading-order.ts';
import { reusingPixels } from '../shared-pixels.ts';
import { average, averageBox, courseOf, type FrameFace, follow, steady } from './follow.ts';

/** Most frames of an animation that are looked at. */
export const MOST_FRAMES = 24;
/** Their longest side, in pixels: as large as a chat shows them, and small enough that every chat takes the resulting file. */
export const FRAME_SIDE = 640;
/** Fewest frames that must be read where the animation has as many: fewer do not show how faces change. */
const LEAST_FRAMES = 4;

/** A person in a moving picture. */
export interface MovingPerson extends Reading {
  /** Where their face is on average, in pixels of a frame. */
  readonly box: Rectangle;
  /** Their expressions, one after the other; absent where it is the same all the time. */
  readonly course?: readonly Reading['emotion'][];
  /** Their face in each frame that they are in, by index of the frame. */
  readonly sightings: ReadonlyMap<number, FrameFace>;
}

/** What was found in a moving picture. */
export interface MovingReading {
  /** In the order of their numbers. */
  readonly people: readonly MovingPerson[];
  readonly more: boolean;
  /** The frames that were looked at. */
  readonly animation: DecodedAnimation;
}

/**
 * Reads the faces of an animation's frames, and follows people through them.
 * @param mostMilliseconds time limit: no further frame is begun after it, once LEAST_FRAMES have been read
 * @returns undefined where there is no time for enough frames
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
    // The next frame uses the same memory again.
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

/** LEAST_FRAMES may take this many times the time limit. */
const PATIENCE = 1.3;

/**
 * All frames, from 0: the first, then those halfway between earlier ones. So the first few of them are always spread over the animation.
 */
export function coarseToFine(count: number): number[] {
  const order = count > 0 ? [0] : [];
  for (let step = 2 ** Math.ceil(Math.log2(Math.max(1, count))); step > 1; step /= 2) {
    for (let frame = step / 2; frame < count; frame += step) order.push(frame);
  }
  return order;
}

/** @param milliseconds how long each frame is shown, which is the weight of its reading */
function personOf(person: ReadonlyMap<number, FrameFace>, milliseconds: readonly number[]): MovingPerson {
  const sightings = steady(person, milliseconds);
  const all = [...sightings].map(([at, seen]) => ({ seen, weight: milliseconds[at]! }));
  const mean = average(all);
  const course = mean.unreadable ? [] : courseOf(sightings, milliseconds);
  return { ...mean, box: averageBox(all), sightings, ...(course.length > 1 && { course }) };
}

/** An animation of some of the frames that lasts as long as before. @param kept indexes of these frames; the first frame must be one */
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
