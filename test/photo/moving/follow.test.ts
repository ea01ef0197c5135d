import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/emotion/classifier.ts';
import { average, courseOf, type Followed, type FrameFace, follow, steady } from '../../../src/photo/moving/follow.ts';
import { reading } from '../../fixtures/readings.ts';

const happy = reading({ happy: 9, neutral: 1 });
const surprise = reading({ surprise: 8, happy: 2 });
const unsure = reading({ sad: 4, neutral: 3, fear: 3 });
const hidden: Reading = { ...happy, emotion: 'unsure', unreadable: 'covered' };

const at = (x: number, y: number, side = 40, what: Reading = happy): FrameFace => ({
  ...what,
  box: { x, y, width: side, height: side },
});
const EVENLY = Array<number>(40).fill(100);
const places = (person: Followed) => [...person].map(([frame, { box }]) => [frame, box.x]);

describe('follow', () => {
  it('knows two people who move, each in every frame', () => {
    const frames = Array.from({ length: 8 }, (_, k) => [at(300 - 12 * k, 50), at(20 + 15 * k, 60)]);
    const people = follow(frames.map((faces, k) => (k % 2 ? [...faces].reverse() : faces)));
    expect(people).toHaveLength(2);
    expect(places(people[0]!)).toEqual(frames.map((faces, k) => [k, faces[0]!.box.x]));
    expect(places(people[1]!)).toEqual(frames.map((faces, k) => [k, faces[1]!.box.x]));
  });

  it('knows somebody again who was out of sight for three frames, and not after four', () => {
    const seen = (missed: number) => [
      [at(50, 50)],
      [at(52, 50)],
      ...Array(missed).fill([]),
      [at(60, 50)],
      [at(61, 50)],
    ];
    expect(follow(seen(3))).toHaveLength(1);
    expect(follow(seen(4))).toHaveLength(2);
  });

  it('takes a face at another place, or of another size, for somebody else', () => {
    expect(follow([[at(0, 0)], [at(200, 0)]])).toHaveLength(2);
    expect(follow([[at(100, 100, 20)], [at(80, 80, 60)]])).toHaveLength(2);
    // Half a face aside is a quick move.
    expect(follow([[at(0, 0)], [at(26, 0)]])).toHaveLength(1);
  });

  it('leaves out what is seen in one of many frames, unless there is nothing else', () => {
    const flash = (frames: number) =>
      Array.from({ length: frames }, (_, k) => [at(9, 9), ...(k === 3 ? [at(200, 90)] : [])]);
    expect(follow(flash(8))).toHaveLength(1);
    expect(follow(flash(5))).toHaveLength(2);
    expect(follow([[], [], [at(5, 5)], [], [], [], []])).toHaveLength(1);
    expect(follow([])).toEqual([]);
  });
});

describe('steady', () => {
  it('smooths boxes, and fills what lies between two sightings', () => {
    const person = new Map([
      [2, at(100, 0)],
      [3, at(110, 0)],
      [6, at(140, 0)],
    ]);
    const steadied = steady(person, EVENLY);
    expect([...steadied.keys()]).toEqual([2, 3, 4, 5, 6]);
    expect(steadied.get(4)!.box.x).toBeCloseTo((120 + 0.5 * 110) / 1.5);
    // A box that jumps to and fro does so less.
    const shaky = steady(new Map([0, 1, 2, 3, 4].map((k) => [k, at(k % 2 ? 10 : 0, 0)])), EVENLY);
    const xs = [...shaky.values()].map(({ box }) => box.x);
    expect(Math.max(...xs) - Math.min(...xs)).toBeLessThan(5);
  });

  it('lets a short frame change its neighbours only a little', () => {
    const person = new Map([happy, surprise].map((what, k) => [k, at(0, 0, 40, what)]));
    const [stands] = steady(person, [2000, 20]).values();
    expect(stands!.scores.happy).toBeCloseTo((0.9 + 0.005 * 0.2) / 1.005);
  });

  it('averages readings, and leaves out those that cannot be read', () => {
    const flicker = steady(new Map([happy, surprise, happy].map((what, k) => [k, at(0, 0, 40, what)])), EVENLY);
    expect([...flicker.values()].map(({ emotion }) => emotion)).toEqual(['happy', 'happy', 'happy']);
    const covered = steady(new Map([happy, hidden, happy].map((what, k) => [k, at(0, 0, 40, what)])), EVENLY);
    expect([...covered.values()].map(({ emotion }) => emotion)).toEqual(['happy', 'happy', 'happy']);
    const never = steady(new Map([0, 1].map((k) => [k, at(0, 0, 40, hidden)])), EVENLY);
    expect(never.get(0)).toMatchObject({ emotion: 'unsure', unreadable: 'covered' });
    const scores = flicker.get(1)!.scores;
    expect(Object.values(scores).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1);
  });
});

describe('average', () => {
  const weighed = (weight: number, what: Reading) => ({ weight, seen: at(0, 0, 40, what) });
  const drawn = { ...happy, emotion: 'unsure', unreadable: 'no-person' } as const;

  it('takes what is perhaps no person for most of the time for none', () => {
    const mostly = average([weighed(1, happy), weighed(3, drawn), weighed(1, hidden)]);
    expect(mostly).toMatchObject({ emotion: 'unsure', unreadable: 'no-person' });
    const seldom = average([weighed(3, happy), weighed(2, drawn)]);
    expect(seldom).toMatchObject({ emotion: 'happy', confidence: happy.confidence });
    expect(seldom).not.toHaveProperty('unreadable');
  });
});

describe('courseOf', () => {
  const course = (...readings: Reading[]) =>
    courseOf(new Map(readings.map((what, k) => [k, at(0, 0, 40, what)] as const)), EVENLY);
  const times = (count: number, what: Reading) => Array.from({ length: count }, () => what);

  it('names the expressions, one after the other', () => {
    expect(course(...times(5, happy), ...times(4, surprise))).toEqual(['happy', 'surprise']);
    expect(course(...times(5, happy))).toEqual(['happy']);
    // Of few frames each may be shown for long.
    expect(course(happy, surprise, happy)).toEqual(['happy', 'surprise', 'happy']);
    expect(course(...times(3, happy), ...times(3, surprise), ...times(3, happy))).toEqual([
      'happy',
      'surprise',
      'happy',
    ]);
  });

  it('leaves out noise and unsure readings, and names no more than four', () => {
    expect(course(...times(5, happy), surprise, ...times(5, happy))).toEqual(['happy']);
    expect(course(...times(3, happy), ...times(3, unsure), ...times(3, happy))).toEqual(['happy']);
    expect(course(...times(6, unsure))).toEqual([]);
    const many = Array.from({ length: 7 }, (_, k) => times(2, k % 2 ? happy : surprise)).flat();
    expect(course(...many)).toHaveLength(4);
  });

  it('weighs how long each frame is shown, not how many there are', () => {
    const shown = (milliseconds: number[], ...readings: Reading[]) =>
      courseOf(new Map(readings.map((what, k) => [k, at(0, 0, 40, what)] as const)), milliseconds);
    // One frame of ten that stands for two seconds is no flicker; four that flit by are one.
    expect(shown([...Array(9).fill(100), 2000], ...times(9, happy), surprise)).toEqual(['happy', 'surprise']);
    expect(shown([...Array(6).fill(500), ...Array(4).fill(20)], ...times(6, happy), ...times(4, surprise))).toEqual([
      'happy',
    ]);
  });
});
