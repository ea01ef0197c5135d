import { expect, test } from 'vitest';
import { listIfFew, nearest } from '../../src/base/did-you-mean.ts';

test.each([
  ['jsno', ['json', 'csv'], 'json'],
  ['cvs', ['csv', 'watch', 'out'], 'csv'],
  ['VEIW', ['view', 'register', 'clear'], 'view'],
  ['retrian', ['emotions', 'retrain'], 'retrain'],
  ['register', ['view', 'register'], 'register'],
  ['sgd', ['adam', 'csv'], undefined],
  ['vsc', ['csv'], undefined],
  ['c', ['csv'], undefined],
  ['c'.repeat(100_000), ['csv'], undefined],
])('%s of %j: %s', (typed, known, meant) => {
  expect(nearest(typed, known)).toBe(meant);
});

test('four words are few enough for a sentence, five are not', () => {
  expect(listIfFew(['a', 'b', 'c', 'd'])).toBe('a, b, c or d');
  expect(listIfFew(['a', 'b', 'c', 'd', 'e'])).toBeUndefined();
});
