/**
 * The question 'Was it right?' under an answer: the part that is the same on every platform. The buttons themselves hold the reading of
 * each face, one letter a face. So nothing has to be stored, and a restart loses nothing.
 */
import type { PhotoCard, Reply } from '../../commands/request.ts';
import { UserError } from '../base/errors.ts';
import { EMOTIONS, type Emotion } from '../emotion/labels.ts';
import { type Opinion, type Opinions, SAYINGS, type Said } from '../settings/opinions.ts';

/** What the buttons and questions say. */
export const RIGHT = 'That’s right';
export const WRONG = 'Correct it';
export const WHO = 'Who was read wrongly?';
export const THANKS = 'Thank you. I count that; I do not learn from it.';
export const COUNTED_BEFORE = 'That was counted before.';

/** Answers with more people have no question: their letters would not fit into a button. */
const MOST_PEOPLE = 50;

const LETTERS: Readonly<Record<Said, string>> = {
  angry: 'a',
  disgust: 'd',
  fear: 'f',
  happy: 'h',
  sad: 's',
  surprise: 'p',
  neutral: 'n',
  unsure: 'u',
};
/** Stands for a face that has no reading, or whose reading has been judged. */
const CLOSED = '.';
export const LETTERS_PATTERN = '[adfhspnu.]{1,50}';

/** A face whose reading can still be judged. */
export interface OpenFace {
  readonly number: number;
  readonly said: Said;
}

/**
 * Counts what a person thinks of an answer.
 * @param opinions absent where nobody is asked any more
 * @returns how many were counted
 * @throws UserError as `Opinions.count` does, 'switched-off' where nobody is asked
 */
export async function countOpinions(
  opinions: Opinions | undefined,
  where: { readonly platform: string; readonly place: string; readonly answer: string },
  given: readonly Opinion[],
): Promise<number> {
  if (opinions === undefined) throw new UserError('switched-off', 'Nobody is asked any more whether I am right.');
  return await opinions.count(where.platform, where.place, where.answer, given);
}

/** The letters of an answer's faces, in the order of their numbers; undefined where the answer has no question. */
export function lettersOf({ card, asksIfRight }: Pick<Reply, 'card' | 'asksIfRight'>): string | undefined {
  if (!asksIfRight || card === undefined || card.people.length > MOST_PEOPLE) return undefined;
  const letters = card.people.map(letterOf).join('');
  return openFaces(letters).length > 0 ? letters : undefined;
}

function letterOf({ emotion, likeliest }: PhotoCard['people'][number]): string {
  // A covered face has no reading.
  return likeliest.length === 0 ? CLOSED : LETTERS[emotion];
}

/** The faces whose readings nobody has judged yet. */
export function openFaces(letters: string): OpenFace[] {
  return [...letters].flatMap((letter, k) => {
    const said = SAYINGS.find((candidate) => LETTERS[candidate] === letter);
    return said === undefined ? [] : [{ number: k + 1, said }];
  });
}

/** The letters after some faces were judged, by number; undefined where no face is left to ask about. */
export function without(letters: string, numbers: readonly number[]): string | undefined {
  const left = [...letters].map((letter, k) => (numbers.includes(k + 1) ? CLOSED : letter)).join('');
  return openFaces(left).length > 0 ? left : undefined;
}

/** The opinions that 'That’s right' stands for. It says nothing about faces that the bot was unsure of. */
export function allRight(letters: string): Opinion[] {
  return openFaces(letters).flatMap(({ number, said }) => (said === 'unsure' ? [] : [{ number, said, meant: said }]));
}

/** The opinion that a face shows another emotion; undefined where the face cannot be judged any more, or there is no such emotion. */
export function correction(letters: string, number: number, meant: string): Opinion | undefined {
  const face = openFaces(letters).find((candidate) => candidate.number === number);
  const emotion = EMOTIONS.find((candidate): candidate is Emotion => candidate === meant);
  return face && emotion && { ...face, meant: emotion };
}

/** How a face is named in a list to choose from. */
export function nameOf({ number, said }: OpenFace): string {
  return `${number}: ${said}`;
}
