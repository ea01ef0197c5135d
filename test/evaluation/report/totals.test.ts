import { expect, it } from 'vitest';
import type { Emotion } from '../../../src/emotion/labels.ts';
import { type JudgedFace, totalsOf } from '../../../src/evaluation/report/judge.ts';
import { reading } from '../../fixtures/readings.ts';

const box = { x: 0, y: 0, width: 50, height: 50 };
const label = (emotion: Emotion, ...also: Emotion[]) => ({ ...box, emotion, also });
const sure = (emotion: Emotion) => ({ number: 1, reading: { ...reading({ [emotion]: 1 }), box } });
const unsure = (emotion: Emotion) => ({
  number: 1,
  reading: { ...reading({ [emotion]: 0.4, fear: 0.3, disgust: 0.3 }), box },
});

it('adds up verdicts, separately those of sure readings, and the outcome of each label', () => {
  const faces: JudgedFace[] = [
    { verdict: 'right', ...sure('happy'), label: label('happy') },
    { verdict: 'right', ...sure('neutral'), label: label('happy', 'neutral') },
    { verdict: 'right', ...unsure('neutral'), label: label('neutral') },
    { verdict: 'wrong', ...sure('sad'), label: label('neutral') },
    { verdict: 'wrong', ...unsure('sad'), label: label('neutral') },
    { verdict: 'wrong', ...sure('angry'), label: label('neutral') },
    { verdict: 'false', ...unsure('sad') },
    { verdict: 'missed', label: label('angry') },
    { verdict: 'small', label: label('angry') },
    { verdict: 'unlabelled', ...sure('happy') },
  ];
  expect(totalsOf(faces)).toEqual({
    detections: 7,
    right: 3,
    wrong: 3,
    false: 1,
    missed: 1,
    small: 1,
    unlabelled: 1,
    rightByAlso: 1,
    sure: { right: 2, wrong: 2, false: 0 },
    emotions: [
      { emotion: 'angry', labelled: 1, right: 0, wrong: 0, missed: 1, readAs: [] },
      { emotion: 'happy', labelled: 2, right: 2, wrong: 0, missed: 0, readAs: [] },
      {
        emotion: 'neutral',
        labelled: 4,
        right: 1,
        wrong: 3,
        missed: 0,
        readAs: [
          { emotion: 'sad', count: 2 },
          { emotion: 'angry', count: 1 },
        ],
      },
    ],
  });
});

it('is all zeros for no faces', () => {
  expect(totalsOf([])).toMatchObject({ detections: 0, right: 0, wrong: 0, false: 0, missed: 0, emotions: [] });
});
