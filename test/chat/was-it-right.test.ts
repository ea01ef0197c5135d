import { expect, test } from 'vitest';
import type { PhotoCard } from '../../commands/request.ts';
import { lettersOf } from '../../src/chat/was-it-right.ts';

test('answers of a crowd, whose letters do not fit into a button, are not asked about; nor those in which no face got an emotion', () => {
  const happy = { emotion: 'happy', likeliest: [{ emotion: 'happy', probability: 1, percent: '100 %' }] };
  const covered = { emotion: 'unsure', likeliest: [] };
  const card = (...people: object[]) => ({ asksIfRight: true, card: { people } as unknown as PhotoCard });
  expect(lettersOf(card(happy, covered))).toBe('h.');
  expect(lettersOf(card(covered))).toBeUndefined();
  expect(lettersOf(card(...Array.from({ length: 50 }, () => happy)))).toBe('h'.repeat(50));
  expect(lettersOf(card(...Array.from({ length: 51 }, () => happy)))).toBeUndefined();
  expect(lettersOf({ ...card(happy), asksIfRight: false })).toBeUndefined();
});
