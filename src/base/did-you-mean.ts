import { closestMatch } from 'leven';

/** Letters that may be wrong, missing or too many in a word of so many: one in three, three at most. */
const LETTERS_A_MISTAKE = 3;
const MOST_MISTAKES = 3;

/**
 * The known word that somebody most likely meant, in whatever case it was typed; undefined where none is near.
 * @param known the words that there are
 */
export function nearest<Known extends string>(word: string, known: readonly Known[]): Known | undefined {
  const typed = word.toLowerCase();
  const words = known.map((one) => one.toLowerCase());
  const maxDistance = Math.min(MOST_MISTAKES, Math.ceil(typed.length / LETTERS_A_MISTAKE));
  // Longer ones cannot be near, and to compare a long text with each word takes time.
  if (typed.length > Math.max(0, ...words.map(({ length }) => length)) + maxDistance) return undefined;
  const match = closestMatch(typed, words, { maxDistance });
  return match === undefined ? undefined : known[words.indexOf(match)];
}
