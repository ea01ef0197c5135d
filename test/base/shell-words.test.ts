import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord, shellWords } from '../../src/base/shell-words.ts';

const WORDS = ['--from', 'model/fer2013', 'my nets/é', "it's", "'", '', 'a\nb', '$HOME', 'a\\b', ' -- ', '5e-4', '*'];

test('words are what a shell takes them for, and can be read again', () => {
  const line = WORDS.map(shellWord).join(' ');
  expect(shellWords(line)).toEqual(WORDS);
  expect(execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' }).split('\0')).toEqual([
    ...WORDS,
    '',
  ]);
  expect(line.startsWith("--from model/fer2013 'my nets/é'")).toBe(true);
});

test('a lone quote belongs to its word', () => {
  expect(shellWords("--from it's there")).toEqual(['--from', "it's", 'there']);
});
