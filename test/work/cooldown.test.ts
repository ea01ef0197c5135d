import { describe, expect, test } from 'vitest';
import { PhotoCooldown } from '../../src/work/cooldown.ts';

function setUp(personPerMinute: number, channelPerMinute: number, maxKeys?: number) {
  let time = 1000;
  const cooldown = new PhotoCooldown({
    personPerMinute,
    channelPerMinute,
    now: () => time,
    ...(maxKeys !== undefined && { maxKeys }),
  });
  return {
    cooldown,
    take: (person = 'ada', channel = 'c') => cooldown.take(person, channel),
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}

describe('PhotoCooldown', () => {
  test('lets a minute’s photos through at once, then one after the other', () => {
    const { take, pass } = setUp(4, 0);
    for (let k = 0; k < 4; k++) expect(take()).toBeUndefined();
    expect(take()).toEqual({ who: 'person', waitMs: 15_000, alreadyReported: false });
    pass(14_000);
    expect(take()).toMatchObject({ waitMs: 1000 });
    pass(1000);
    expect(take()).toBeUndefined();
    expect(take()).toMatchObject({ waitMs: 15_000 });
  });

  test('never allows more than a minute’s photos, however long nobody asks', () => {
    const { take, pass } = setUp(2, 0);
    take();
    pass(3_600_000);
    expect([take(), take()]).toEqual([undefined, undefined]);
    expect(take()).toMatchObject({ who: 'person' });
  });

  test('over a long time allows the rate and the first minute’s photos', () => {
    const { take, pass } = setUp(6, 0);
    let read = 0;
    for (let second = 0; second < 600; second++) {
      if (take() === undefined) read++;
      pass(1000);
    }
    expect(read).toBeGreaterThanOrEqual(64);
    expect(read).toBeLessThanOrEqual(66);
  });

  test('bounds a channel for everybody in it, and says so', () => {
    const { take } = setUp(0, 2);
    expect([take('ada'), take('bob')]).toEqual([undefined, undefined]);
    expect(take('eve')).toEqual({ who: 'channel', waitMs: 30_000, alreadyReported: false });
    expect(take('eve', 'elsewhere')).toBeUndefined();
  });

  test('a refusal counts neither for the person nor for the channel', () => {
    const { take, pass } = setUp(1, 2);
    take('ada');
    for (let k = 0; k < 10; k++) expect(take('ada')).toMatchObject({ who: 'person' });
    expect(take('bob')).toBeUndefined();
    for (let k = 0; k < 10; k++) expect(take('eve')).toMatchObject({ who: 'channel' });
    pass(30_000);
    expect(take('eve')).toBeUndefined();
  });

  test('says only once a minute that it is too much', () => {
    const { take, pass } = setUp(60, 0);
    for (let k = 0; k < 60; k++) take();
    expect(take()?.alreadyReported).toBe(false);
    for (let second = 1; second < 60; second++) {
      pass(1000);
      take();
      expect(take()?.alreadyReported).toBe(true);
    }
    pass(1000);
    take();
    expect(take()?.alreadyReported).toBe(false);
  });

  test('0 is no bound, and remembers nobody', () => {
    const { cooldown, take } = setUp(0, 0);
    for (let k = 0; k < 1000; k++) expect(take(`p${k}`, `c${k}`)).toBeUndefined();
    expect(cooldown.size).toBe(0);
  });

  test('remembers a bounded number, those who asked last', () => {
    const { cooldown, take } = setUp(1, 0, 100);
    for (let k = 0; k < 1000; k++) take(`p${k}`);
    expect(cooldown.size).toBe(100);
    expect(take('p999')).toMatchObject({ who: 'person' });
    expect(take('p900')).toMatchObject({ who: 'person' });
  });
});
