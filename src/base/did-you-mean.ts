import { closestMatch } from 'leven';

/** How many mistakes (wrong, missing or extra letters) a typed word may have: one for every three letters, three at most. */
const LETTERS_A_MISTAKE = 3;
const MOST_MISTAKES = 3;

/** How many words a sentence may list; longer lists are only in help texts. */
const MOST_NAMED = 4;
const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** Words as 'one, another or a third'; undefined where they are too many for a sentence. */
export function listIfFew(words: readonly string[]): string | undefined {
  return words.length > MOST_NAMED ? undefined : OR.format(words);
}

/**
 * The known word that somebody most likely meant, regardless of case; undefined where none is similar.
 * @param known the words to choose from
 */
export function nearest<Known extends string>(word: string, known: readonly Known[]): Known | undefined {
  const typed = word.toLowerCase();
  const words = known.map((one) => one.toLowerCase());
  const maxDistance = Math.min(MOST_MISTAKES, Math.ceil(typed.length / LETTERS_A_MISTAKE));
  // A longer text cannot be similar, and comparing it with each word takes time.
  if (typed.length > Math.max(0, ...words.map(({ length }) => length)) + maxDistance) return undefined;
  const match = closestMatch(typed, words, { maxDistance }) ?? swapped(typed, words);
  return match === undefined ? undefined : known[words.indexOf(match)];
}

/** The word that is typed with two neighbouring letters swapped. That is one mistake, but counts as two by single letters. */
function swapped(typed: string, words: readonly string[]): string | undefined {
  return words.find((word) => {
    const k = [...typed].findIndex((letter, at) => letter !== word[at]);
    if (k < 0 || word.length !== typed.length) return false;
    return `${word.slice(0, k)}${word[k + 1]}${word[k]}${word.slice(k + 2)}` === typed;
  });
}
