import { expect, test } from 'vitest';
import { inPieces } from '../../src/chat/split-text.ts';

test('a text is broken at line ends, or between characters where a line is too long', () => {
  expect(inPieces('short', 10)).toEqual(['short']);
  expect(inPieces('one\ntwo\nthree', 8)).toEqual(['one\ntwo', 'three']);
  expect(inPieces('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
  // Neither half a character nor a backslash without what it escapes.
  expect(inPieces('ab😀😀', 3)).toEqual(['ab', '😀', '😀']);
  expect(inPieces('ab\\*cd', 3)).toEqual(['ab', '\\*c', 'd']);
});
