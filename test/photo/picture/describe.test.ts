import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/emotion/classifier.ts';
import { describePhoto, describeReading, summarise, twoLikeliest } from '../../../src/photo/picture/describe.ts';
import { reading } from '../../fixtures/readings.ts';

const happy = reading({ happy: 91, neutral: 9 });
const unsure = reading({ sad: 41, neutral: 33, fear: 26 });
const drawn = { ...happy, emotion: 'unsure', unreadable: 'no-person' } as const;

describe('describePhoto', () => {
  it('says what each number shows', () => {
    expect(describePhoto([happy, unsure])).toBe(
      'Photo with 2 faces: 1. happy 91 %; 2. unsure: sad 41 % or neutral 33 %',
    );
  });

  it('speaks of one face', () => {
    expect(describePhoto([happy])).toBe('Photo with 1 face: 1. happy 91 %');
  });

  it('says that there is nobody', () => {
    expect(describePhoto([])).toBe('Photo in which no face was found');
  });

  it('counts crowds, for platforms bound the length', () => {
    const crowd = Array.from({ length: 80 }, (_, k) => (k % 4 === 0 ? unsure : happy));
    expect(describePhoto(crowd)).toBe('Photo with 80 faces: 60 happy, 20 unsure');
    expect(describePhoto([...crowd, drawn, drawn])).toBe(
      "Photo with 82 faces, 2 of them perhaps not people's: 60 happy, 20 unsure",
    );
  });

  it("counts a face that is perhaps not a person's apart", () => {
    expect(describePhoto([drawn])).toBe("Photo with 1 face, perhaps not a person's: 1. unsure: perhaps not a person");
    expect(describePhoto([drawn, happy])).toBe(
      "Photo with 2 faces, 1 of them perhaps not a person's: 1. unsure: perhaps not a person; 2. happy 91 %",
    );
  });
});

describe('summarise', () => {
  const sad = reading({ sad: 1 });
  const times = (count: number, one: Reading) => Array.from({ length: count }, () => one);

  it.each([
    ['1 person', [happy]],
    ['2 people', [happy, happy]],
    ['2 people', [happy, sad]],
    ['3 people, all happy', times(3, happy)],
    ['7 people, mostly happy', [sad, ...times(4, happy), unsure, sad]],
    ['6 people: 3 happy, 2 sad, 1 unsure', [sad, ...times(3, happy), unsure, sad]],
    ['20 people, mostly happy', [...times(19, happy), sad]],
    ['21 faces: 20 happy, 1 sad', [sad, ...times(20, happy)]],
    ["1 face, perhaps not a person's", [drawn]],
    ["2 faces, perhaps not people's", [drawn, drawn]],
    ["25 faces, perhaps not people's", times(25, drawn)],
    ["1 person; 1 more face, perhaps not a person's", [drawn, happy]],
    ["3 people, all happy; 2 more faces, perhaps not people's", [drawn, ...times(3, happy), drawn]],
    ["3 people, mostly happy; 1 more face, perhaps not a person's", [happy, drawn, unsure, happy]],
    ["20 people, mostly happy; 1 more face, perhaps not a person's", [...times(19, happy), sad, drawn]],
    ["22 faces, 1 of them perhaps not a person's: 20 happy, 1 sad", [sad, drawn, ...times(20, happy)]],
    ['49 faces: 22 unsure, 15 sad, 12 happy', [...times(12, happy), ...times(15, sad), ...times(22, unsure)]],
  ])('%s', (words, readings) => {
    expect(summarise(readings)).toBe(words);
  });
});

it('describeReading tells one reading', () => {
  expect(describeReading(happy)).toBe('happy 91 %');
  expect(describeReading(unsure)).toBe('unsure: sad 41 % or neutral 33 %');
  expect(describeReading({ ...happy, emotion: 'unsure', unreadable: 'small' })).toBe('unsure: too small to read');
});

it('twoLikeliest gives the likeliest first, and of equal ones the first in label order', () => {
  expect(twoLikeliest(unsure.scores)).toEqual(['sad', 'neutral']);
  expect(twoLikeliest(reading({ neutral: 1 }).scores)).toEqual(['neutral', 'angry']);
});
