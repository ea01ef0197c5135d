import { describe, expect, test } from 'vitest';
import { NOTICE, photoReply, shortName } from '../../commands/photo-reply.ts';
import { fakeFace, fakeUnsureFace } from '../fakes/photo.ts';
import { fakeAttachment } from '../fakes/request.ts';

const PICTURE = { bytes: new Uint8Array(3), mime: 'image/jpeg', name: 'a-emotions.jpg', altText: 'alt' };
const ABOUT = fakeAttachment('a.jpg');

describe('photoReply', () => {
  test('a line a person, unsure with the two likeliest, and the notice', () => {
    const reply = photoReply(ABOUT, [fakeFace('happy', 0.931), fakeUnsureFace('sad', 'neutral')], PICTURE);
    expect(reply.text).toBe(['2 people', '1. happy 93 %', '2. unsure: sad 40 % or neutral 35 %', NOTICE].join('\n'));
    expect(reply).toMatchObject({ pictures: [PICTURE], about: ABOUT, removable: true });
    expect(reply.card!.people[1]!.likeliest).toEqual([
      { emotion: 'sad', probability: expect.closeTo(0.4), percent: '40 %' },
      { emotion: 'neutral', probability: expect.closeTo(0.35), percent: '35 %' },
    ]);
  });

  test('says why a face cannot be read, and guesses nothing', () => {
    const small = { ...fakeFace('angry', 0.9), emotion: 'unsure', unreadable: 'small' } as const;
    const covered = { ...small, unreadable: 'covered' } as const;
    const drawn = { ...small, unreadable: 'no-person' } as const;
    const reply = photoReply(ABOUT, [small, covered, drawn], PICTURE);
    const lines = [
      '1. unsure: too small to read',
      '2. unsure: mouth or eyes covered',
      '3. unsure: perhaps not a person',
    ];
    const heading = "2 people; 1 more face, perhaps not a person's";
    expect(reply.text).toBe([heading, ...lines, NOTICE].join('\n'));
    expect(reply.card!.people.map(({ likeliest }) => likeliest)).toEqual([[], [], []]);
  });

  test('says that there may be more people than were found, after those who were', () => {
    const faces = Array.from({ length: 3 }, () => fakeFace('happy', 0.9));
    const few = photoReply(ABOUT, faces, PICTURE, { more: true });
    const sentence = 'There may be more people in it than I found: a closer photo shows more.';
    expect(few.text.split('\n').slice(-2)).toEqual([sentence, NOTICE]);
    expect(few.card!.more).toBe(sentence);
  });

  test('says which frame of an animation was read, with faces and without', () => {
    const frame = { number: 3, of: 12 };
    expect(photoReply(ABOUT, [fakeFace('happy', 0.9)], PICTURE, { frame }).card!.heading).toBe(
      '1 person (frame 3 of 12)',
    );
    expect(photoReply(ABOUT, [], undefined, { frame }).text).toMatch(/ I looked at frame 3 of 12\.$/);
  });

  test('of a moving picture says how many frames were read, and what a person shows one after the other', () => {
    const changing = { ...fakeFace('happy', 0.9), course: ['happy', 'surprise'] } as const;
    const reply = photoReply(ABOUT, [changing, fakeFace('sad', 0.8)], PICTURE, { frames: { read: 24, of: 150 } });
    expect(reply.text).toBe(`2 people (24 of 150 frames)\n1. happy, then surprise\n2. sad 80 %\n${NOTICE}`);
    expect(reply.card!.people[0]!.likeliest).toEqual([]);
    const all = photoReply(ABOUT, [], undefined, { frames: { read: 12, of: 12 } });
    expect(all.text).toMatch(/ I looked at 12 frames\.$/);
  });

  test('counts one person in the singular', () => {
    expect(photoReply(ABOUT, [fakeFace('sad', 0.6)], PICTURE).text).toBe(`1 person\n1. sad 60 %\n${NOTICE}`);
  });

  test('begins with a summary, and leaves nobody out', () => {
    const crowd = [
      ...Array(130).fill(fakeUnsureFace('surprise', 'disgust')),
      ...Array(70).fill(fakeFace('happy', 0.9)),
    ];
    const reply = photoReply(ABOUT, crowd, PICTURE);
    const lines = reply.text.split('\n');
    expect(lines[0]).toBe('200 faces: 130 unsure, 70 happy');
    expect(lines[1]).toBe('1. unsure: surprise 40 % or disgust 35 %');
    expect(lines[200]).toBe('200. happy 90 %');
    expect(lines.slice(201)).toEqual([NOTICE]);
    expect(reply.card!.people).toHaveLength(200);
    expect(photoReply(ABOUT, Array(7).fill(fakeFace('sad', 0.9)), PICTURE).card!.heading).toBe('7 people, all sad');
  });

  test('says that there is no face, and what may help, without a picture or a list', () => {
    const reply = photoReply(ABOUT, [], undefined);
    expect(reply.text).toMatch(/^I found no face in this picture\./);
    expect(reply.card).toBeUndefined();
    expect(reply.pictures ?? []).toEqual([]);
    expect(reply.removable).toBe(true);
  });

  test('names the file where it is one of several', () => {
    expect(photoReply(ABOUT, [fakeFace('sad', 0.6)], PICTURE, { named: true }).text).toMatch(/^a\.jpg: 1 person\n/);
    expect(photoReply(ABOUT, [], undefined, { named: true }).text).toMatch(/^a\.jpg: I found no face/);
  });
});

describe('shortName', () => {
  test('keeps a name on one line', () => {
    expect(shortName('holiday.jpg')).toBe('holiday.jpg');
    expect(shortName('a\nb\u0000c.jpg')).toBe('a b c.jpg');
    expect(shortName('photo\u202Egnp.jpg')).toBe('photognp.jpg');
    expect(shortName('a\u2028b\u2029c.jpg')).toBe('a b c.jpg');
    expect(shortName('👨\u200D👩\u200D👧.jpg')).toBe('👨\u200D👩\u200D👧.jpg');
    expect(shortName(' \n')).toBe('picture');
    expect(shortName('\u202E')).toBe('picture');
    expect(shortName('a'.repeat(60))).toBe('a'.repeat(60));
    expect(shortName(`${'a'.repeat(57)}.jpg`)).toBe(`${'a'.repeat(40)}…${'a'.repeat(11)}.jpg`);
  });

  test('keeps start and end of a long name and breaks no character apart', () => {
    const short = shortName(`${'😀'.repeat(100)}.jpg`);
    expect([...short].length).toBeLessThanOrEqual(60);
    expect(short.endsWith('.jpg')).toBe(true);
    // No half of a surrogate pair.
    expect(short).not.toMatch(/\p{Cs}/u);
  });
});
