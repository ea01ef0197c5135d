import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { z } from 'zod';
import { listIfFew, nearest } from './did-you-mean.ts';
import { UserError } from './errors.ts';
import { reasonOf } from './files.ts';

/** A setting that is a whole number, digits only. */
export function whole(min: number, max: number, fallback: number) {
  const sentence = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .default(String(fallback))
    .refine((text) => isWhole(text, min, max), sentence)
    .transform(Number);
}

/** Whether a text is a whole number from `min` to `max`, both included. */
function isWhole(text: string, min: number, max: number): boolean {
  return /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max;
}

/** A setting that is one of several words. The error does not repeat the given text, which may be a token in the wrong place. */
export function oneOf<const Words extends readonly string[]>(words: Words, fallback: Words[number]) {
  return z
    .string()
    .default(fallback)
    .refine((text) => words.includes(text), { error: ({ input }) => chooseAnother(String(input), words) })
    .transform((text) => text as Words[number]);
}

function chooseAnother(text: string, words: readonly string[]): string {
  const [few, meant] = [listIfFew(words), nearest(text, words)];
  if (few !== undefined) return `must be ${few}`;
  return meant === undefined ? 'must be a word that .env.example names' : `must be another word, such as ${meant}`;
}

/** A setting that is a TCP port, 0 for any free one; undefined where it is left out. */
export function port() {
  return z
    .string()
    .optional()
    .refine((text) => text === undefined || isWhole(text, 0, 65_535), 'must be a whole number from 0 to 65535')
    .transform((text) => (text === undefined ? undefined : Number(text)));
}

/** A setting that is an address of this machine to listen at. By default other machines cannot reach it. */
export function host() {
  return z
    .string()
    .default('127.0.0.1')
    .refine((text) => /^[\w.:-]+$/.test(text), 'must be an address of this machine, such as 127.0.0.1 or 0.0.0.0');
}

/** A setting that is a token or key; undefined where it is left out. */
export function secret(pattern: RegExp, sentence: string) {
  return z.string().regex(pattern, sentence).optional();
}

/** A setting that is a list of ids, separated by commas; empty where it is left out. */
export function ids(pattern: RegExp, sentence: string) {
  return z
    .string()
    .default('')
    .transform((text) => text.split(/[\s,]+/).filter((id) => id !== ''))
    .refine((list) => list.every((id) => pattern.test(id)), sentence);
}

/**
 * Reads the settings in a .env file; none where there is no such file.
 * @throws UserError 'bad-config' where it cannot be read
 */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  if (!existsSync(path)) return {};
  try {
    return parse(readFileSync(path));
  } catch (error) {
    throw new UserError('bad-config', `The file ${path} cannot be read: ${reasonOf(error)}.`, { cause: error });
  }
}

/** The environment variables that a child process needs. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'LANG',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SYSTEMROOT',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
];

/** The part of the environment that a child process may have. The rest holds tokens, which it does not need. */
export function passedOn(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
